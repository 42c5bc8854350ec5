"""The archive of every change, as pgBackRest tells of it: base backups, windows, moments.

pgBackRest lists the first and the last file of an archive and says nothing of holes between; which
moments can be returned to is worked out here, from the names of the files themselves.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.errors import Refused, SlipwayError, UsageError, first_line

PER_LOG = 256  # WAL files of 16 MB in one of the numbers that a name is made of
KINDS = {"full": "full", "diff": "differential", "incr": "incremental"}
FILE = re.compile(r"(\d+-\d+)/[0-9A-F]{16}/([0-9A-F]{24})-[0-9a-f]{40}(?:\.\w+)?")
MESSAGE = re.compile(r"(ERROR|WARN): (?:\[\d+\]: )?(.*)")
HINTS = {
    "NoSuchBucket": "create the bucket, or correct BACKUP_STORE",
    "AccessDenied": "allow its keys to read, write, list and delete",
}
UNKNOWN = 99  # how pgBackRest numbers that it could not look, with an exit code of 0
NEVER = "there is no base backup yet; take one: inv db.backup --physical"


class ArchiveError(SlipwayError):
    """pgBackRest did not do what was asked; the text is its reason."""


Files = Mapping[str, Mapping[int, float]]  # archive, number of a WAL file, when it was stored


@dataclass(frozen=True)
class BaseBackup:
    """One base backup; from a second after its end on its changes can be applied to it."""

    label: str
    kind: str
    begun: datetime
    ended: datetime
    archive: str  # whose changes belong to it: 17-1
    last: int  # number of the last WAL file it needs itself
    size: int
    stored: int
    is_flawed: bool

    @property
    def usable(self) -> datetime:
        """The first moment that can be returned to; pgBackRest tells whole seconds."""
        return self.ended + timedelta(seconds=1)


@dataclass(frozen=True)
class RecoveryWindow:
    """An unbroken stretch of changes, up to file `last`: any moment in it can be returned to."""

    begin: datetime
    end: datetime
    archive: str
    last: int

    def __str__(self) -> str:
        return f"{show(self.begin)} to {show(self.end)}"


def show(moment: datetime) -> str:
    """Write a moment as a person types it again."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00"


def parse_moment(text: str, now: datetime) -> datetime:
    """Read what `--to-time` was given. Raises UsageError, or Refused for the future."""
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--to-time={text[:60]!a} is not a point in time; write it as {show(now)}, with its "
            f"time zone"
        ) from None
    if moment.tzinfo is None:
        raise UsageError(
            f"--to-time={text[:60]!a} names no zone, and an hour is easily lost; write "
            f"{text.strip()}+00 for UTC, or the zone that is meant"
        )
    if moment > now:
        raise Refused(f"{show(moment)} is in the future; nothing was changed")
    return moment


def bases(info: str) -> list[BaseBackup]:
    """Read `pgbackrest info --output=json`, the oldest first.

    Raises ArchiveError where pgBackRest could not look, which it says in there and nowhere else.
    """
    stanzas = json.loads(info, strict=False)  # it quotes bytes it could not read as they are
    for store in (entry for stanza in stanzas for entry in stanza.get("repo", [])):
        if store["status"]["code"] == UNKNOWN:
            raise ArchiveError(f"{reason(str(store['status']['message']))}; nothing was changed")
    if not stanzas or "backup" not in stanzas[0]:
        return []
    archives = {_id(entry): str(entry["id"]) for entry in stanzas[0].get("archive", [])}
    versions = {int(entry["id"]): str(entry["version"]) for entry in stanzas[0].get("db", [])}

    def base(entry: Mapping[str, Any]) -> BaseBackup:
        number, times, archive = _id(entry), entry["timestamp"], entry.get("archive") or {}
        return BaseBackup(
            label=str(entry["label"]),
            kind=KINDS[str(entry["type"])],
            begun=datetime.fromtimestamp(times["start"], UTC),
            ended=datetime.fromtimestamp(times["stop"], UTC),
            archive=archives.get(number, f"{versions.get(number, '')}-{number}"),
            last=number_of(str(archive.get("stop") or "0" * 24)),
            size=int(entry["info"]["size"]),
            stored=int(entry["info"]["repository"]["delta"]),
            is_flawed=bool(entry.get("error")),
        )

    return sorted((base(entry) for entry in stanzas[0]["backup"]), key=lambda entry: entry.ended)


def files(listing: str) -> Files:
    """Read `pgbackrest repo-ls --recurse --output=json archive/<stanza>`."""
    files_of: dict[str, dict[int, float]] = {}
    for path, about in json.loads(listing).items():
        if match := FILE.fullmatch(path):
            files_of.setdefault(match[1], {})[number_of(match[2])] = float(about["time"])
    return files_of


def windows(bases: Sequence[BaseBackup], stored: Files) -> list[RecoveryWindow]:
    """Work out which moments can be returned to, the oldest first."""
    result: list[RecoveryWindow] = []
    for base in bases:
        files, number = stored.get(base.archive, {}), last_file(base, stored)
        end = datetime.fromtimestamp(files[number], UTC) if number in files else base.usable
        window = RecoveryWindow(base.usable, max(end, base.usable), base.archive, number)
        previous = result[-1] if result else None
        if previous and previous.archive == window.archive and previous.last >= base.last:
            last = max(previous.last, number)
            result[-1] = RecoveryWindow(
                previous.begin, max(previous.end, window.end), window.archive, last
            )
        else:
            result.append(window)
    return result


def last_file(base: BaseBackup, stored: Files) -> int:
    """Return the number of the last file that follows on a base backup without a hole."""
    files, number = stored.get(base.archive, {}), base.last
    while number + 1 in files:
        number += 1
    return number


def meant(moment: datetime, bases: Sequence[BaseBackup], stored: Files) -> datetime:
    """Return the last instant of a second in which a window's last file came, else the moment.

    A store tells that in whole seconds; who types the end of a window means all that is in it.
    """
    ends = (stored.get(window.archive, {}).get(window.last) for window in windows(bases, stored))
    return moment.replace(microsecond=999_999) if moment.timestamp() in ends else moment


def choose(moment: datetime, bases: Sequence[BaseBackup], stored: Files) -> BaseBackup:
    """Return the base backup from which a moment is reached soonest. Raises Refused."""
    possible = windows(bases, stored)
    if not possible:
        raise Refused(f"there is no point in time to return to: {NEVER}; nothing was changed")
    second = moment.replace(microsecond=0)  # a store tells when it got a file in whole seconds
    inside = [window for window in possible if window.begin <= moment and second <= window.end]
    if not inside:
        stretches = ", and from ".join(map(str, possible))
        raise Refused(
            f"{show(moment)} is outside of what is archived: from {stretches}; nothing was changed"
        )
    window = inside[-1]
    fitting = [base for base in bases if base.usable <= moment and base.archive == window.archive]
    return max(
        (base for base in fitting if base.usable >= window.begin), key=lambda base: base.ended
    )


def loss(reach: datetime | None, now: datetime) -> str:
    """Say honestly what would be lost if the database were gone now."""
    if reach is None:
        return f"everything since the last backup would be lost: {NEVER}"
    seconds = max(0, int((now - reach).total_seconds()))
    ago = f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
    return (
        f"every change until {show(reach)} is kept; what changed in the {ago} since would be lost"
    )


def complaints(text: str) -> list[str]:
    """Return what `pgbackrest verify --output=text` found; its exit code tells nothing.

    Raises ArchiveError when it did not come to a verdict at all.
    """
    lines = [line.strip() for line in text.splitlines()]
    if "status: ok" in lines:
        return []
    if "status: error" not in lines:
        raise ArchiveError(f"the archive could not be verified: {reason(text)}")
    problems = []
    for place, line in enumerate(lines):
        failures = [
            detail for detail in lines[place + 1 : place + 2] if re.search(r": [1-9]", detail)
        ]
        if line.startswith(("backup:", "archiveId:")) and failures:
            problems.append(f"{line.split(',')[0]}: {failures[0]}")
        elif line.startswith("No usable"):
            problems.append(line)
    return problems or ["no reason given"]


def reason(text: str) -> str:
    """Return pgBackRest's own reason, as a sentence a person can act on where we know one."""
    matches = [match for match in map(MESSAGE.search, text.splitlines()) if match]
    message = matches[-1][2] if matches else first_line(text)
    if "found outside of section" in text or "is or was the repo encrypted" in text:
        return "BACKUP_PITR_PASSPHRASE is not the one that the archive is encrypted with"
    if "[050]" in text:
        return "another base backup is under way"
    if "certificate" in message:
        message = message.removeprefix("[CryptoError] ")
        return f"{message}; check BACKUP_S3_ENDPOINT and BACKUP_S3_CA"
    if "Connect" in text or "[049]" in text:
        return f"the store does not answer: {message}"
    if refused := re.search(r"<Code>(\w+)</Code>", text):
        hint = HINTS.get(refused[1], "check BACKUP_S3_KEY, BACKUP_S3_SECRET, BACKUP_S3_REGION")
        return f"the store answers {refused[1]}; {hint}"
    return message[:300]


def _id(entry: Mapping[str, Any]) -> int:
    return int(entry["database"]["id"])


def number_of(name: str) -> int:
    """Count WAL files; whatever the timeline, which is the first third of the name."""
    return int(name[8:16], 16) * PER_LOG + int(name[16:24], 16)
