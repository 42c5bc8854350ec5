"""What a restore is asked for, what it would do, and what it came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from slipway.backups.restore.preflight import Target
from slipway.plan import Plan

Kind = Literal["custom", "sql", "tar", "folder", "server"]  # of what others have


@dataclass(frozen=True)
class RestoreSpec:
    """What a person asked for; `into` is a new database that nothing is swapped with."""

    environment: str
    into: str = ""
    tables: Sequence[str] = ()
    create_roles: bool = False
    scrub: str = ""
    origin: str = ""  # whose data a person says it is
    room: int | None = None  # bytes free on the server's disk, where whoever asks can see that
    untrusted: bool = False  # also without a trusted signature


@dataclass(frozen=True)
class Way:
    """The way to a server of others; its text shows no password."""

    host: str
    port: int
    user: str
    database: str
    ssl: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class ForeignSource:
    """What is imported: a file of a kind, or what the server at the end of a way holds."""

    kind: Kind
    way: Way | None = None


@dataclass(frozen=True)
class RestorePreview:
    """What a restore would do, and what it would meet on the server."""

    plan: Plan
    target: Target
    problems: Sequence[str]
    notes: Sequence[str]


@dataclass(frozen=True)
class RestoreResult:
    """What a restore came to; `kept` is where the replaced one is, "" with `into`."""

    database: str
    kept: str
    rows: int
    seconds: float
    swap_seconds: float
    head: str
    timings: Mapping[str, float] = field(default_factory=dict)
