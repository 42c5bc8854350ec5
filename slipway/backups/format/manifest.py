"""The manifest of a backup: written last, so that what has none is no backup."""

import dataclasses
import json
import math
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slipway.backups.format.signature import ANYBODY, Trust
from slipway.errors import UNREADABLE, Refused

VERSION = 1
FORMAT = "slipway-backup"
KIND = "backup"  # of what is signed
ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")
STAMP = "%Y%m%dT%H%M%SZ"
SUM = re.compile(r"[0-9a-f]{64}")


class Damaged(Refused):
    """A backup is not what it was when it was taken, or was never one."""


@dataclass(frozen=True)
class Part:
    """A stream of bytes: how many there were, and their SHA-256."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Locale:
    """How a database writes and sorts text; a new one beside it is made the same."""

    encoding: str  # UTF8
    provider: str  # c libc, i ICU, b builtin
    collate: str
    ctype: str
    locale: str = ""  # of ICU and builtin
    collation_version: str = ""


@dataclass(frozen=True)
class Manifest:
    """What is known of one backup. Tables are written as SQL writes them: `public."Order"`."""

    id: str
    environment: str
    database: str
    created: str  # 2026-11-22T02:15:00Z
    seconds: float
    release: int  # 0 where nothing is deployed
    commit: str
    server: str  # 17.11
    client: str
    locale: Locale
    extensions: Mapping[str, str]
    roles: tuple[str, ...]  # that own or may do something in it
    tables: Mapping[str, int | None]  # rows; None: too many to be counted while it was taken
    unlogged: tuple[str, ...]  # with their rows, unless taken from a standby
    foreign: tuple[str, ...]  # their definition only: the rows are elsewhere
    large_objects: int
    sequences: int
    migrations: tuple[str, ...]  # versions, oldest first
    database_size: int  # on the server's disk
    plain: Part  # pg_dump's archive
    dump: Part  # the same, sealed: what lies in the store
    globals: Part  # the roles, sealed
    has_role_passwords: bool
    recipients: tuple[str, ...]
    key: str  # this backup's own key, armored and sealed to the recipients

    @property
    def head(self) -> str:
        """The newest migration in it, or nothing."""
        return self.migrations[-1] if self.migrations else ""

    @property
    def major(self) -> int:
        """The server's major version."""
        return int(self.server.partition(".")[0])

    @property
    def rows(self) -> int:
        """All rows that were counted."""
        return sum(count or 0 for count in self.tables.values())

    @property
    def stored(self) -> int:
        """Bytes it takes in the store, but for the manifest."""
        return self.dump.size + self.globals.size

    @property
    def at(self) -> datetime:
        """When it was begun: the moment whose data it holds."""
        return moment(self.id)

    def to_json(self, trust: Trust = ANYBODY) -> str:
        """Write it for the store, signed by who signs there."""
        head: dict[str, object] = {"format": FORMAT, "version": VERSION}
        document = trust.signed(KIND, head | dataclasses.asdict(self))
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def parse(text: str | bytes, name: str = "") -> Manifest:
    """Read a manifest; `name` is the id it must be of.

    Raises Damaged for what is none, Refused for one that a newer Slipway wrote.
    """
    return parse_signed(text, name)[0]


def parse_signed(text: str | bytes, name: str, trust: Trust = ANYBODY) -> tuple[Manifest, str]:
    """Read a manifest, and whose trusted signature it has; nothing for none."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ValueError
        if int(document["version"]) > VERSION:
            raise Refused(
                f"the backup {name} was written by a newer Slipway (format {document['version']}); "
                "bring this checkout up to date and try again"
            )
        manifest = _from_document(document)
    except UNREADABLE:
        raise Damaged(f"{name or 'this'} is not a backup manifest, or is damaged") from None
    if name and manifest.id != name:
        raise Damaged(f"the manifest of {name} belongs to {manifest.id}; it was renamed")
    return manifest, trust.signer(KIND, document)


def new_id(now: float | None = None) -> str:
    """Name a backup by its moment; the rest keeps two of one second apart."""
    return f"{stamp(now)}-{secrets.token_hex(2)}"


def stamp(now: float | None = None) -> str:
    """Write a moment (now, or an epoch) as names have it: `20261122T021500Z`."""
    return time.strftime(STAMP, time.gmtime(now))


def moment(name: str) -> datetime:
    """Return the moment an id or a stamp names."""
    return datetime.strptime(name[:16], STAMP).replace(tzinfo=UTC)


def written(name: str | None = None) -> str:
    """Write the moment of an id, or now, as documents have it: `2026-11-22T02:15:00Z`."""
    return moment(name or stamp()).strftime("%Y-%m-%dT%H:%M:%SZ")


def sized(count: int) -> str:
    """Write a number of bytes for people."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return (
        f"{value:.0f} {units[0]}" if value >= 10 or units[0] == "B" else f"{value:.1f} {units[0]}"
    )


def _from_document(document: Mapping[str, object]) -> Manifest:
    """Take every field in its type; a field that is not there is a KeyError."""
    values = {
        field.name: READERS[field.type](document[field.name])
        for field in dataclasses.fields(Manifest)
    }
    manifest = Manifest(**values)
    if not ID.fullmatch(manifest.id) or manifest.major < 1:
        raise ValueError
    moment(manifest.id)  # which is no moment on the 31st of February
    return manifest


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError
    return tuple(map(_text, values))


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _part(document: Mapping[str, Any]) -> Part:
    part = Part(int(document["size"]), _text(document["sha256"]))
    if part.size < 0 or not SUM.fullmatch(part.sha256):
        raise ValueError
    return part


# How a field of each type is read.
READERS: Mapping[Any, Callable[[Any], Any]] = {
    str: _text,
    int: int,
    float: _finite,
    bool: bool,
    tuple[str, ...]: _texts,
    Mapping[str, str]: lambda value: {key: _text(value) for key, value in value.items()},
    Mapping[str, int | None]: lambda value: {
        key: None if value is None else int(value) for key, value in value.items()
    },
    Part: _part,
    Locale: lambda value: Locale(**{key: _text(value) for key, value in value.items()}),
}
