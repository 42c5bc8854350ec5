"""The variables of an old service: which stay as they are, become settings, or are secrets."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway import secret_signs
from slipway.environments import env_line, setting_rules
from slipway.environments.setting_rules import KEY, OF_COMPOSE
from slipway.releases import host_names
from slipway.scaffold.importing import old_database
from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.findings import Draft
from slipway.scaffold.importing.names import Names
from slipway.scaffold.importing.old_database import OldDatabase
from slipway.scaffold.importing.old_project import services
from slipway.scaffold.importing.old_secrets import OldSecrets

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
REFERENCE = re.compile(r"\$\{(?P<name>\w+)(?:(?::?[-?])(?P<default>[^${}]*))?\}|\$(?P<short>\w+)")
PLAIN_VALUE = re.compile(r"(?i)|true|false|yes|no|on|off|none|null|\d{1,5}|/\S*|\w+:/{3}\S*")
PUBLIC = re.compile(
    r"^(?:NEXT_PUBLIC|VITE|REACT_APP|NUXT_PUBLIC|PUBLIC|GATSBY|VUE_APP)_|PUBLIC_KEY"
)
NO_SECRET = re.compile(
    r"_(?:FILE|PATH|DIR|PREFIX|HEADER|NAME|TTL|EXPIRE\w*|ID|TYPE|MODE|METHOD|ENABLED|CLASS|PROVIDER"
    r"|ALGORITHM|LENGTH|LIMIT|VERSION|USER|HOST|PORT|REGION)$"
)
SHOWN = re.compile(r"PRIVATE KEY-----|\bpass(?:word|wd)?=[^\s;&]+", re.IGNORECASE)
# What a deploy, a shell or Compose sets by itself.
OF_OTHERS = re.compile(
    r"RELEASE|COLOUR|COMMIT|ENVIRONMENT|MIGRATION_HEAD|PATH|HOME|USER|UID|GID|PWD|DOCKER_\w+"
)
# In an env file that Compose itself reads too, for its own use.
FOR_COMPOSE = ("HTTP_PORT", "HTTPS_PORT")
OF_DATABASE = ("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB")
# Images that read NAME_FILE themselves, and how the variable is called then.
READS_FILES: Mapping[str, str] = {
    "mysql": "_FILE",
    "mariadb": "_FILE",
    "postgres": "_FILE",
    "mongo": "_FILE",
    "wordpress": "_FILE",
    "nextcloud": "_FILE",
    "n8n": "_FILE",
    "minio": "_FILE",
    "joomla": "_FILE",
    "drupal": "_FILE",
    "grafana": "__FILE",
}


@dataclass
class Variables:
    """What a service of the new project is given."""

    environment: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    as_variables: dict[str, str] = field(default_factory=dict)  # variable -> secret
    uses_settings: bool = False
    speaks_to_database: bool = False
    lacks_host: bool = False  # its code has the name of the database in it


@dataclass(frozen=True)
class Readers:
    """What all services share while their variables are read."""

    draft: Draft
    names: Names
    secrets: OldSecrets
    database: OldDatabase | None
    shared: Mapping[str, str]  # what one env file says, when all services have that one


def read(service: OldService, readers: Readers, *, migrates: bool) -> Variables:
    """Sort the variables of a service; who migrates comes to the database as its owner."""
    held, draft = Variables(), readers.draft
    values = {key: _plain(value) for key, value in _values(service, readers.draft).items()}
    parts = dict(old_database.parts(values, readers.database)) if readers.database else {}
    held.speaks_to_database = bool(parts)
    held.lacks_host = bool(parts) and not {"address", "host"} & set(parts.values())
    if held.lacks_host and service.role != "accessory":
        demand_host(service.name, service, draft)
    unneeded = _unneeded(service, values, set(parts.values()), readers)
    for key, value in values.items():
        if key in unneeded:
            continue
        if part := parts.get(key):
            _to_database(held, readers, (service, key, value, part), migrates=migrates)
        elif is_secret(key, value):
            new = host_names.renamed(value, readers.names.by_old, key)
            _hand_over(held, service, key, readers.secrets.add(key, new, service), draft)
        elif not value and is_secret(key, "a value of some length"):
            _hand_over(held, service, key, readers.secrets.add_empty(key), draft)
        elif (text := _visible(held, readers, service, (key, value))) is not None:
            held.environment[key] = text
    return held


def _unneeded(
    service: OldService, values: Mapping[str, str], parts: set[str], readers: Readers
) -> set[str]:
    """Name what came along in an env file that Compose reads too, and is for it or for another."""
    along = {key for key, value in values.items() if readers.shared.get(key) == value}
    has_host = any(key in values for key in ("POSTGRES_HOST", "PGHOST"))
    passwords = along & set(OF_DATABASE) if "address" in parts and not has_host else set[str]()
    if passwords:
        text = (
            f"{service.name}: {', '.join(sorted(passwords))}: for the database alone, "
            "and left out here"
        )
        readers.draft.note(text, "services", service.name, "env_file")
    return passwords | (along & set(FOR_COMPOSE))


def demand_host(name: str, service: OldService, draft: Draft) -> None:
    """Say what to write where only code says how the database is called."""
    text = (
        f"{name}: no variable says where the database is, which is called db now; write what its "
        "code reads under environment, as POSTGRES_HOST: ${DATABASE_HOST}"
    )
    draft.refuse(text, "services", service.name)


def is_secret(key: str, value: str) -> bool:
    """Whether a variable is one that nobody may read in git."""
    if not value or PUBLIC.search(key) or value.startswith("/run/secrets/"):
        return False
    if SHOWN.search(value) or secret_signs.ADDRESS.search(value):
        return True
    named = secret_signs.NAME.search(key.upper()) or key.upper().endswith(("SALT", "DSN"))
    return bool(named) and not NO_SECRET.search(key.upper()) and not PLAIN_VALUE.fullmatch(value)


def _values(service: OldService, draft: Draft) -> Mapping[str, str]:
    """Return the variables that have a value; say of the others that they came from a shell."""
    values = {}
    for key, value in (service.spec.get("environment") or {}).items():
        if str(key).startswith("COMPOSE_"):
            continue  # meant for Compose, which was given the file as well
        if value is None:
            where = ("services", service.name, "environment", key)
            draft.note(f"{service.name}: {key} came from somebody's shell, and is left out", *where)
        else:
            values[str(key)] = str(value)
    return values


def _to_database(
    held: Variables,
    readers: Readers,
    variable: tuple[OldService, str, str, str],
    *,
    migrates: bool,
) -> None:
    service, key, value, part = variable
    assert readers.database is not None  # noqa: S101  it has parts
    if part == "password":
        name = "DATABASE_MIGRATOR_PASSWORD" if migrates else "DATABASE_PASSWORD"
        _hand_over(held, service, key, name, readers.draft)
    elif part != "address":
        held.environment[key] = old_database.setting(part, migrates=migrates)
        if part == "host" and ":" in value:
            held.environment[key] += ":${DATABASE_PORT}"
    else:
        composed, other = old_database.composed(value, readers.database, migrates=migrates)
        if other:
            where = ("services", service.name, "environment", key)
            readers.draft.refuse(
                (
                    f"{service.name}: {key} names one more database, {other}, which "
                    "nothing makes here; move its tables into a schema, or make "
                    "it by hand"
                ),
                *where,
            )
        if old_database.is_without_user(value):
            held.environment[key] = composed.replace("{", "${")
        else:
            name = readers.secrets.add_composed(key, composed)
            _hand_over(held, service, key, name, readers.draft)


def _hand_over(held: Variables, service: OldService, key: str, name: str, draft: Draft) -> None:
    """Give a secret as a file; the image reads it there, or its program gets it as a variable."""
    if name not in held.secrets:
        held.secrets.append(name)
    if suffix := READS_FILES.get(service.image.name if not service.is_built else ""):
        held.environment[f"{key}{suffix}"] = f"/run/secrets/{name}"
    elif VARIABLE.fullmatch(key):
        held.as_variables[key] = name
    else:
        draft.refuse(
            (
                f"{service.name}: {key} is nothing that a shell can set; have "
                f"the image read /run/secrets/{name}"
            ),
            "services",
            service.name,
            "environment",
            key,
        )


def _visible(
    held: Variables, readers: Readers, service: OldService, variable: tuple[str, str]
) -> str | None:
    """Return a plain value, or a reference to a setting; None where all settings are given."""
    key, value = variable
    draft = readers.draft
    written = _written(draft, service, key)
    new = host_names.renamed(value, readers.names.by_old, key)
    is_shared = readers.shared.get(key) == value and service.role != "accessory"
    if is_shared and _may_be_setting(key, new) and draft.settings.setdefault(key, new) == new:
        held.uses_settings = True
        return None
    match = REFERENCE.fullmatch(written)
    name = (match["name"] or match["short"]) if match else ""
    if name and new and _may_be_setting(name, new) and draft.settings.setdefault(name, new) == new:
        return f"${{{name}}}"
    return _escaped(new)


def _written(draft: Draft, service: OldService, key: str) -> str:
    """Return a value with its ${VARIABLES} left in."""
    raw = (services(draft.project.raw).get(service.name) or {}).get("environment") or {}
    pairs = raw.items() if isinstance(raw, dict) else (str(each).split("=", 1) for each in raw)
    return next(
        (str(pair[1]) for pair in map(tuple, pairs) if pair[0] == key and len(pair) > 1), ""
    )


def _may_be_setting(name: str, value: str) -> bool:
    is_free = (
        KEY.fullmatch(name)
        and not OF_COMPOSE.fullmatch(name)
        and not OF_OTHERS.fullmatch(name)
        and name not in _engines()
    )
    return bool(is_free) and not is_secret(name, value) and env_line.is_writable(value)


@functools.cache
def _engines() -> frozenset[str]:
    """Return the names that mean something to Slipway, whoever writes them."""
    return frozenset(setting_rules.read(setting_rules.OURS))


def _plain(value: str) -> str:
    """Undo how Compose prints a dollar sign."""
    return value.replace("$$", "$")


def _escaped(value: str) -> str:
    return value.replace("$", "$$")
