"""What an environment with users must not be, refused where its settings are read."""

import ipaddress
from collections.abc import Iterator

from slipway import secret_signs
from slipway.environments import protection, proxies
from slipway.environments.protection import Guarded
from slipway.environments.setting_rules import Rule, Rules
from slipway.errors import ConfigError

PLAIN = ("disable", "allow")  # the second asks for TLS only where the server insists
# Addresses that belong to nobody, for examples.
EXAMPLES = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
WAYS_TO_TLS = (
    "say TLS=auto and DOMAIN, or TRUSTED_PROXIES, the addresses of a balancer that ends TLS"
)
TO_SECRETS = "say secret: true in compose/settings.yml and move its value into secrets/"


def complaints(env: Guarded, rules: Rules) -> Iterator[str]:
    """Say with file, setting and way out what it is not to be; other environments are free."""
    if protection.is_production(env):
        for complaint in _complaints(env, rules):
            yield f"compose/{env.name}.env: {complaint}"


def check_examples(env: Guarded) -> None:
    """Raise ConfigError where a deploy would give users what a new project begins with."""
    trusted = proxies.split(env.settings.get("TRUSTED_PROXIES", ""))
    is_plain = protection.is_production(env) and env.settings.get("TLS") == "off"
    if is_plain and all(_is_example(each) for each in trusted):
        raise ConfigError(
            f"compose/{env.name}.env: TRUSTED_PROXIES={','.join(trusted)} is an example, and "
            f"passwords would travel in the open; {WAYS_TO_TLS}"
        )


def _complaints(env: Guarded, rules: Rules) -> Iterator[str]:
    settings = env.settings
    if settings.get("TLS") == "off" and not settings.get("TRUSTED_PROXIES"):
        yield f"TLS=off sends passwords in the open; {WAYS_TO_TLS}{_declare(rules)}"
    if settings.get("LAB") == "on":
        yield "LAB=on opens to everybody what only tests need; say LAB=off"
    host, mode = settings.get("DATABASE_HOST", ""), settings.get("PGSSLMODE", "prefer")
    if any(letter in host for letter in ".:") and mode in PLAIN:
        yield (
            f"PGSSLMODE={mode} lets rows and the password travel in the open to {host}; say "
            "PGSSLMODE=require, or verify-full with PGSSLROOTCERT"
        )
    if settings.get("BACKUP_S3_ENDPOINT", "").lower().startswith("http://"):
        yield "BACKUP_S3_ENDPOINT is without TLS; write an address that begins with https://"
    for rule in rules.values():
        yield from _plain_secret(rule, settings.get(rule.key, ""))


def _plain_secret(rule: Rule, value: str) -> Iterator[str]:
    if rule.secret or not value:
        return
    if secret_signs.NAME.search(rule.key) and not rule.is_plain:
        reason = "is named like a secret and lies in git for all to read"
        yield f"{rule.key} {reason}; {TO_SECRETS}, or secret: false if it is none"
    elif secret_signs.ADDRESS.search(value):
        yield f"{rule.key} holds an address with a password, for all to read in git; {TO_SECRETS}"


def _declare(rules: Rules) -> str:
    missing = "TRUSTED_PROXIES" not in rules
    return " (add TRUSTED_PROXIES: {type: text} to compose/settings.yml)" if missing else ""


def _is_example(part: str) -> bool:
    network = ipaddress.ip_network(part, strict=False)
    examples = [ipaddress.ip_network(each) for each in EXAMPLES]
    return any(
        network.version == each.version and network.subnet_of(each)  # type: ignore[arg-type]
        for each in examples
    )
