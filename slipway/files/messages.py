"""What is asked of the one-off container that has the volumes, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.backups.schedule.policy import Retention

REQUEST = "FILES_REQUEST"  # the variable that holds the request as JSON; nothing in it is secret
SAYS = "restic: "  # before each line of the log that is meant for a person
ANSWER = "--- answer"  # the line in the container's log after which the answer stands


@dataclass(frozen=True)
class Keeping:
    """How long backups, and what restores have replaced, are kept; lengths in seconds."""

    keep: Retention
    stale_after: float
    keep_replaced: float


@dataclass(frozen=True)
class FilesRequest:
    """One thing to do with the files of an environment, which `owner` names in the repository.

    `backup` is an id or `latest`; a backup that is to be taken gets it, and so do files that are
    received. `incoming` and `moment` are of a swap; `owners` is the UID:GID that received files
    get, nothing for those that they come with.
    """

    verb: str
    owner: str
    volumes: tuple[str, ...]
    backup: str = ""
    keeping: Keeping | None = None
    plan: bool = False
    incoming: str = ""
    moment: str = ""
    owners: str = ""
    size: int = 0  # of what is to be received, where that is known


@dataclass(frozen=True)
class FilesBackup:
    """One backup of files: when, of which volumes, how many files and bytes are in it."""

    id: str
    at: str  # 2026-11-22T02:15:00Z
    volumes: tuple[str, ...]
    files: int
    size: int
    snapshot: str  # what restic calls it


@dataclass(frozen=True)
class FilesReply:
    """What was done, in one sentence, and of which backups; `held` says why nothing was removed.

    `volumes` are those in which it was done, `moment` that of what a restore has replaced in them,
    and `owners` the UID:GID that the top of a volume has.
    """

    summary: str
    store: str = ""
    backups: tuple[FilesBackup, ...] = ()
    removed: tuple[str, ...] = ()
    staying: Mapping[str, str] = field(default_factory=dict)
    held: str = ""
    volumes: tuple[str, ...] = ()
    moment: str = ""
    owners: str = ""


@dataclass(frozen=True)
class FilesFailure:
    """Why it was not done, and the exit code that this means."""

    text: str
    code: int
