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

from slipway.errors import Refused, SlipwayError, UsageError

PER_LOG = 256  # WAL files of 16 MB in one of the numbers that a name is made of
KINDS = {"full": "full", "diff": "differential", "incr": "incremental"}
FILE = re.compile(r"(\d+-\d+)/[0-9A-F]{16}/([0-9A-F]{24})-[0-9a-f]{40}(?:\.\w+)?")
TOLD = re.compile(r"(ERROR|WARN): (?:\[\d+\]: )?(.*)")
ANSWERED = {
    "NoSuchBucket": "make the bucket, or correct BACKUP_STORE",
    "AccessDenied": "allow its keys to read, write, list and delete",
}
UNKNOWN = 99  # how pgBackRest numbers that it could not look, with an exit code of 0
NEVER = "no base backup is there yet; take one: inv db.backup --physical"


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
            f"--to-time={text[:60]!a} is no moment; write it as {show(now)}, with its zone"
        ) from None
    if moment.tzinfo is None:
        raise UsageError(
            f"--to-time={text[:60]!a} names no zone, and an hour is easily lost; write "
            f"{text.strip()}+00 for UTC, or the zone that is meant"
        )
    if moment > now:
        raise Refused(f"{show(moment)} has not come yet; nothing was changed")
    return moment


def bases(info: str) -> list[BaseBackup]:
    """Read `pgbackrest info --output=json`, the oldest first.

    Raises ArchiveError where pgBackRest could not look, which it says in there and nowhere else.
    """
    stanzas = json.loads(info, strict=False)  # it quotes bytes it could not read as they are
    for store in (each for stanza in stanzas for each in stanza.get("repo", [])):
        if store["status"]["code"] == UNKNOWN:
            raise ArchiveError(f"{reason(str(store['status']['message']))}; nothing was changed")
    if not stanzas or "backup" not in stanzas[0]:
        return []
    archives = {_id(each): str(each["id"]) for each in stanzas[0].get("archive", [])}
    versions = {int(each["id"]): str(each["version"]) for each in stanzas[0].get("db", [])}

    def base(found: Mapping[str, Any]) -> BaseBackup:
        number, times, archive = _id(found), found["timestamp"], found.get("archive") or {}
        return BaseBackup(
            label=str(found["label"]),
            kind=KINDS[str(found["type"])],
            begun=datetime.fromtimestamp(times["start"], UTC),
            ended=datetime.fromtimestamp(times["stop"], UTC),
            archive=archives.get(number, f"{versions.get(number, '')}-{number}"),
            last=number_of(str(archive.get("stop") or "0" * 24)),
            size=int(found["info"]["size"]),
            stored=int(found["info"]["repository"]["delta"]),
            is_flawed=bool(found.get("error")),
        )

    return sorted((base(each) for each in stanzas[0]["backup"]), key=lambda each: each.ended)


def files(listing: str) -> Files:
    """Read `pgbackrest repo-ls --recurse --output=json archive/<stanza>`."""
    found: dict[str, dict[int, float]] = {}
    for path, about in json.loads(listing).items():
        if match := FILE.fullmatch(path):
            found.setdefault(match[1], {})[number_of(match[2])] = float(about["time"])
    return found


def windows(known: Sequence[BaseBackup], stored: Files) -> list[RecoveryWindow]:
    """Work out which moments can be returned to, the oldest first."""
    found: list[RecoveryWindow] = []
    for base in known:
        kept, number = stored.get(base.archive, {}), last_file(base, stored)
        end = datetime.fromtimestamp(kept[number], UTC) if number in kept else base.usable
        window = RecoveryWindow(base.usable, max(end, base.usable), base.archive, number)
        before = found[-1] if found else None
        if before and before.archive == window.archive and before.last >= base.last:
            last = max(before.last, number)
            found[-1] = RecoveryWindow(
                before.begin, max(before.end, window.end), window.archive, last
            )
        else:
            found.append(window)
    return found


def last_file(base: BaseBackup, stored: Files) -> int:
    """Return the number of the last file that follows on a base backup without a hole."""
    kept, number = stored.get(base.archive, {}), base.last
    while number + 1 in kept:
        number += 1
    return number


def meant(moment: datetime, known: Sequence[BaseBackup], stored: Files) -> datetime:
    """Return the last instant of a second in which a window's last file came, else the moment.

    A store tells that in whole seconds; who types the end of a window means all that is in it.
    """
    ends = (stored.get(each.archive, {}).get(each.last) for each in windows(known, stored))
    return moment.replace(microsecond=999_999) if moment.timestamp() in ends else moment


def choose(moment: datetime, known: Sequence[BaseBackup], stored: Files) -> BaseBackup:
    """Return the base backup from which a moment is reached soonest. Raises Refused."""
    possible = windows(known, stored)
    if not possible:
        raise Refused(f"nothing can be returned to: {NEVER}; nothing was changed")
    second = moment.replace(microsecond=0)  # a store tells when it got a file in whole seconds
    inside = [each for each in possible if each.begin <= moment and second <= each.end]
    if not inside:
        stretches = ", and from ".join(map(str, possible))
        raise Refused(
            f"{show(moment)} is not among the moments that were kept: from {stretches}; "
            "nothing was changed"
        )
    window = inside[-1]
    fitting = [each for each in known if each.usable <= moment and each.archive == window.archive]
    return max(
        (each for each in fitting if each.usable >= window.begin), key=lambda each: each.ended
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
    found = []
    for place, line in enumerate(lines):
        wrong = [each for each in lines[place + 1 : place + 2] if re.search(r": [1-9]", each)]
        if line.startswith(("backup:", "archiveId:")) and wrong:
            found.append(f"{line.split(',')[0]}: {wrong[0]}")
        elif line.startswith("No usable"):
            found.append(line)
    return found or ["it says only that something is wrong"]


def reason(text: str) -> str:
    """Return pgBackRest's own reason, as a sentence a person can act on where we know one."""
    found = [match for match in map(TOLD.search, text.splitlines()) if match]
    words = found[-1][2] if found else (text.strip().splitlines() or ["no reason given"])[0]
    if "found outside of section" in text or "is or was the repo encrypted" in text:
        return "BACKUP_PITR_PASSPHRASE is not the one that the archive is encrypted with"
    if "[050]" in text:
        return "another base backup is under way"
    if "certificate" in words:
        words = words.removeprefix("[CryptoError] ")
        return f"{words}; look at BACKUP_S3_ENDPOINT and BACKUP_S3_CA"
    if "Connect" in text or "[049]" in text:
        return f"the store does not answer: {words}"
    if refused := re.search(r"<Code>(\w+)</Code>", text):
        hint = ANSWERED.get(refused[1], "look at BACKUP_S3_KEY, BACKUP_S3_SECRET, BACKUP_S3_REGION")
        return f"the store answers {refused[1]}; {hint}"
    return words[:300]


def _id(found: Mapping[str, Any]) -> int:
    return int(found["database"]["id"])


def number_of(name: str) -> int:
    """Count WAL files; whatever the timeline, which is the first third of the name."""
    return int(name[8:16], 16) * PER_LOG + int(name[16:24], 16)
