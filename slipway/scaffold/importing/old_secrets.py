"""The secrets of the old project: their names here, and the values that dev and testing begin with.

dev and testing are encrypted to a key that lies in the repository. So what opens something outside
of the application is not taken over unless somebody says so.
"""

import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.findings import Draft
from slipway.secrets.secret import Secret

ENGINE = re.compile(r"DATABASE_\w*PASSWORD|DATABASE_CA|BACKUP_\w+")
# What an application makes up for itself: it opens nothing but its own sessions and columns.
OWN = re.compile(
    r"SESSION|COOKIE|JWT|CSRF|SIGNING|SALT|PEPPER"
    r"|(?:^|_)(?:APP|SECRET|ENCRYPTION|OTP)_(?:KEY|SECRET)"
    r"|SECRET_KEY|KEY_BASE|NEXTAUTH_SECRET|AUTH_SECRET|^SECRET$|RUNNERS_AUTH|INTERNAL"
)
PLACEHOLDER = re.compile(
    r"change|replace|example|placeholder|your|insert|secret$|^my|^test|^dev|^x+$|^-+$|todo|fixme"
    r"|made-up|dummy|^.{0,3}$",
    re.IGNORECASE,
)
HEX = re.compile(r"[0-9a-f]{32,128}|[0-9A-F]{32,128}")


@dataclass(frozen=True)
class SecretRule:
    """What settings.yml says of a secret."""

    help: str
    generate: int = 0
    composed: str = ""
    required: bool = True


@dataclass
class OldSecrets:
    """Collects secrets by name; one value that a store and its users share has one name."""

    draft: Draft
    hosts: frozenset[str]
    rules: dict[str, SecretRule] = field(default_factory=dict)
    outside: list[str] = field(default_factory=list)
    _shared: dict[str, str] = field(default_factory=dict)
    _values: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, value: str, service: OldService) -> str:
        """Return the name of the secret that holds the value of a variable."""
        is_store = service.role == "accessory"
        if "://" in value and (composed := self.template(value)):
            return self.add_composed(key, composed)
        if len(value) > 3 and value in self._shared and not is_store:
            return self._shared[value]
        name = self._name(key, value, service.name)
        if is_store:
            self._shared.setdefault(value, name)
        if name not in self.rules:
            is_inside = is_store or self._is_inside(key, value)
            self._values[name] = value
            self.rules[name] = _rule(key, value, service.name)
            if begin := self._begin(name, value, is_inside=is_inside):
                self.draft.secrets[name] = Secret(begin)
        return name

    def add_composed(self, key: str, composed: str) -> str:
        """Return the name of a secret that is made of others, and stands in no file."""
        name = next(
            (
                each
                for each in (key, f"MIGRATION_{key}")
                if self._values.get(each, composed) == composed
            ),
            f"OTHER_{key}",
        )
        self._values[name] = composed
        self.rules[name] = SecretRule("An address of the old project.", composed=composed)
        return name

    def add_empty(self, key: str) -> str:
        """Return the name of a secret that had no value and may go without one."""
        name = re.sub(r"\W", "_", key).upper()
        self._values.setdefault(name, "")
        self.rules.setdefault(name, SecretRule("Was empty in the old project.", required=False))
        return name

    def add_file(self, name: str, value: str, *, is_shared: bool = False) -> str:
        """Return the name here of a secret that was a file, perhaps a store's too: db-password."""
        key = re.sub(r"\W", "_", name).upper()
        key = f"APP_{key}" if ENGINE.fullmatch(key) or not key[:1].isalpha() else key
        self.rules[key] = SecretRule(f"{name} of the old project.", 24 if is_shared else 0)
        is_inside = is_shared or self._is_inside(key, value)
        if value and (begin := self._begin(key, value, is_inside=is_inside)):
            self.draft.secrets[key] = Secret(begin)
        return key

    def template(self, value: str) -> str:
        """Write an address with the names of the secrets in it; "" where it has none of them."""
        for old, name in self._shared.items():
            if len(old) > 3 and f":{old}@" in value:
                return value.replace(f":{old}@", f":{{{name}}}@")
        return ""

    def hold(self, text: str) -> bool:
        """Whether a text has the value of a secret in it."""
        return bool(self.within(text))

    def within(self, text: str) -> dict[str, str]:
        """Map the values in a text that are secrets to their names."""
        values = {value: name for name, value in self._values.items() if len(value) > 5}
        return {
            value: name
            for value, name in values.items()
            if value not in self.hosts and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text)
        }

    def _name(self, key: str, value: str, service: str) -> str:
        name = re.sub(r"\W", "_", key).upper()
        if ENGINE.fullmatch(name) or self._values.get(name, value) != value:
            name = re.sub(r"\W", "_", f"{service}_{key}").upper()
        return name[:63]

    def _is_inside(self, key: str, value: str) -> bool:
        """Whether it opens nothing outside of the application."""
        if PLACEHOLDER.search(value):
            return True
        if "://" in value:
            try:
                return urlsplit(value).hostname in self.hosts
            except ValueError:
                return False
        return value in self._shared or bool(OWN.search(key.upper()))

    def _begin(self, name: str, value: str, *, is_inside: bool) -> str:
        """Return the value that dev and testing begin with; "" for one that is made up."""
        text = (
            "Values of the old project's secrets for dev and testing, which whoever reads the "
            "repository can read: inside takes those that open nothing but this application"
        )
        answer = self.draft.ask("secrets", text, "inside", ("inside", "all", "none"))
        if answer == "all" or (answer == "inside" and is_inside):
            return value
        if not is_inside:
            self.outside.append(name)
            return ""
        is_hex = HEX.fullmatch(value)
        return secrets.token_hex(len(value) // 2) if is_hex else secrets.token_urlsafe(24)


def _rule(key: str, value: str, service: str) -> SecretRule:
    text = f"{key} of {service}."
    if HEX.fullmatch(value):
        return SecretRule(
            f"{text} {len(value)} hexadecimal digits: openssl rand -hex {len(value) // 2}"
        )
    is_free = "://" not in value and ":" not in value and "PRIVATE KEY" not in value
    is_own = bool(OWN.search(key.upper())) or "PASS" in key.upper()
    return SecretRule(text, 32 if is_free and is_own else 0)
