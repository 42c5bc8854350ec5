"""The PostgreSQL of the old project, and how services that spoke to it speak to Slipway's `db`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

DATABASE = "db"
ADDRESS = re.compile(
    r"^(?P<scheme>(?:jdbc:)?[a-z][a-z0-9+.]*://)(?:(?P<user>[^:@/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?P<host>[\w.-]+)(?::(?P<port>\d+))?(?:/(?P<name>[^?]*))?(?P<options>\?.*)?$",
    re.IGNORECASE,
)
HOST = re.compile(r"^(?P<prefix>.*?)_?(?:HOST(?:NAME)?|SERVER|ADDR(?:ESS)?)$")
LOCATION = re.compile(r"^(?P<prefix>.*?)_?(?:URL|URI|DSN)$")
PARTS: Mapping[str, str] = {
    "user": r"USER(?:NAME)?|USR|ROLE",
    "password": r"PASSWORD|PASSWD|PASS|PWD",
    "name": r"NAME|DATABASE|DB|DBNAME|DB_NAME|DATABASE_NAME",
    "port": r"PORT",
}
USUAL = {"user": ("POSTGRES_USER", "PGUSER"), "password": ("POSTGRES_PASSWORD", "PGPASSWORD")}
USUAL_NAME = ("POSTGRES_DB", "PGDATABASE")
PASSWORD_NAME = "DATABASE_PASSWORD"  # noqa: S105  as Slipway calls the secret
RESERVED = ("postgres", "template0", "template1", "root", "admin")


@dataclass(frozen=True)
class OldDatabase:
    """By which names it was reached, and what its role and database were called."""

    hosts: tuple[str, ...]
    user: str
    password: str
    name: str


def read(
    spec: Mapping[str, Any], hosts: tuple[str, ...], others: Sequence[Mapping[str, Any]]
) -> OldDatabase:
    """Read what the service of the database says itself, and where that is nothing the others."""
    values = spec.get("environment") or {}
    user = str(values.get("POSTGRES_USER") or "postgres")
    name = str(values.get("POSTGRES_DB") or user)
    database = OldDatabase(hosts, user, str(values.get("POSTGRES_PASSWORD") or ""), name)
    if name in RESERVED:
        return replace(database, name=next(_names(database, others), name))
    return database


def _names(database: OldDatabase, others: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what services call their database that the server has beside its own."""
    for spec in others:
        values = {k: str(v) for k, v in (spec.get("environment") or {}).items() if v is not None}
        for key, part in parts(values, database):
            match = ADDRESS.match(values[key]) if part == "address" else None
            name = (match["name"] or "") if match else values[key] if part == "name" else ""
            if name and name not in RESERVED:
                yield unquote(name)


def new_name(old: str, project: str) -> str:
    """Return what a role or a database is called here, where the old name is the server's own."""
    is_free = old not in RESERVED and re.fullmatch(r"[a-zA-Z][\w-]{0,50}", old)
    return old if is_free else project.replace("-", "_")


def parts(values: Mapping[str, str], database: OldDatabase) -> Iterator[tuple[str, str]]:
    """Yield the variables that say how the database is reached, and which part each says."""
    prefixes = set()
    for key, value in values.items():
        if is_address(value, database):
            yield key, "address"
            if match := LOCATION.fullmatch(key):
                prefixes.add(match["prefix"])
        elif value.partition(":")[0] in database.hosts and (match := HOST.fullmatch(key)):
            yield key, "host"
            prefixes.add(match["prefix"])
    for key, value in values.items():
        yield from _part(key, value, prefixes, database)


def _part(
    key: str, value: str, prefixes: set[str], database: OldDatabase
) -> Iterator[tuple[str, str]]:
    for part, names in PARTS.items():
        if any(prefix and re.fullmatch(f"{prefix}_?(?:{names})", key) for prefix in prefixes):
            yield key, part
            return
    if key in USUAL["user"] and value == database.user:
        yield key, "user"
    elif key in USUAL["password"] and value == database.password:
        yield key, "password"
    elif key in USUAL_NAME and value == database.name:
        yield key, "name"


def is_address(value: str, database: OldDatabase) -> bool:
    """Whether a value is an address of this database."""
    match = ADDRESS.match(value)
    return match is not None and match["host"] in database.hosts


def composed(value: str, database: OldDatabase, *, migrates: bool) -> tuple[str, str]:
    """Write an address of settings and secrets; and which other database it names, if it does."""
    match = ADDRESS.match(value)
    assert match is not None  # noqa: S101  is_address was asked
    named = unquote(match["name"] or "")
    other = named if named not in ("", database.name, database.user) else ""
    where = (
        f"{{DATABASE_HOST}}:{{DATABASE_PORT}}/{other or '{DATABASE_NAME}'}{match['options'] or ''}"
    )
    if is_without_user(value):
        return f"{match['scheme']}{where}", other
    user = user_and_password(migrates=migrates)
    return f"{match['scheme']}{user}@{where}", other


def is_without_user(value: str) -> bool:
    """Whether user and password stand in variables of their own."""
    return value.startswith("jdbc:")


def user_and_password(*, migrates: bool) -> str:
    """Return the names by which a service comes in."""
    if migrates:
        return "{DATABASE_USER}_migrator:{DATABASE_MIGRATOR_PASSWORD}"
    return "{DATABASE_USER}:{DATABASE_PASSWORD}"


def setting(part: str, *, migrates: bool) -> str:
    """Return what stands in a variable that holds one part of an address."""
    names = {"host": "${DATABASE_HOST}", "port": "${DATABASE_PORT}", "name": "${DATABASE_NAME}"}
    return names.get(part, "${DATABASE_USER}" + ("_migrator" if migrates else ""))
