"""The archive of an environment's changes, asked and fed in the container of its database."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from slipway import shell_scripts
from slipway.backups import pitr
from slipway.backups.pitr import ArchiveError, BaseBackup, Files, RecoveryWindow
from slipway.client.container import Container
from slipway.environments.environment import Environment
from slipway.errors import Busy, DifferenceFound, Refused, SlipwayError
from slipway.hosts.host import MINUTES, SECONDS, CommandResult
from slipway.progress import Reporter

SHARE = re.compile(r"(?:backup|restore) file \S+ .*?([\d.]+)%\)")
LAST_WORDS = 20
PATIENCE = 90 * SECONDS  # for the changes of this moment to reach the store
ASK = shell_scripts.read(__file__, "pgbackrest_ask.sh")
# A commit, so that recovery finds one after the moment, and then the file it is in, stored.
MARK = (
    "select from pg_logical_emit_message(true, 'slipway', 'a moment to return to')",
    "select pg_walfile_name(pg_switch_wal())",
)
KNOCK = shell_scripts.read(__file__, "pgbackrest_knock.sh")
UNKNOWN = "which moments can be returned to is not known"
STATE = """
select json_build_object(
  'now', extract(epoch from clock_timestamp()),
  'stored', extract(epoch from last_archived_time),
  'failed', extract(epoch from last_failed_time),
  'waiting', (select count(*) from pg_ls_archive_statusdir() where name like '%.ready'))
from pg_stat_archiver
"""


@dataclass(frozen=True)
class ArchiveStatus:
    """What the archiver says: moments on the server's clock, and files that wait for the store."""

    now: datetime
    stored: datetime | None
    failed: datetime | None
    waiting: int

    @property
    def is_stuck(self) -> bool:
        return self.failed is not None and (self.stored is None or self.failed > self.stored)


class There(Protocol):
    """An environment, and the container of its database."""

    @property
    def env(self) -> Environment: ...

    @property
    def database(self) -> Container: ...


def take(there: There, report: Reporter, *, full: bool = False) -> dict[str, Any]:
    """Take a base backup; return what is told of it."""
    made = told(Archive(there.database).take(report, "full" if full else "incr"))
    return {
        "backup": made,
        "uncounted": 0,
        "summary": f"base backup {made['id']} of {there.env.name}: {made['size'] >> 20} MB, of "
        f"which {made['stored'] >> 20} MB were stored, in {made['seconds']:.0f} s",
    }


def verify(there: There) -> dict[str, Any]:
    """Read everything that is archived; return what was found."""
    wrong = Archive(there.database).verify()
    whole = "the archive is whole: every file was read and its sum is right"
    return {"ok": not wrong, "wrong": wrong, "summary": "" if wrong else whole}


def demand_whole(env: Environment | None, found: Mapping[str, Any]) -> None:
    """Raise DifferenceFound unless the archive is whole."""
    if not found["ok"]:
        where = f" --env={env.name}" if env else ""
        raise DifferenceFound(
            f"the archive is not whole: {'; '.join(found['wrong'])}. Take a full base backup now: "
            f"inv db.backup{where} --physical --full"
        )


def kept(there: There, report: Reporter) -> dict[str, Any] | None:
    """Return the catalogue of the archive, or None where none is kept or it cannot be asked."""
    if not there.env.switch("PITR"):
        return None
    try:
        return Archive(there.database).catalogue()
    except SlipwayError as error:
        report.note(f"{UNKNOWN}: {error}")
        return None


def stretches(kept: Mapping[str, Any]) -> list[str]:
    """Say for each unbroken stretch of a catalogue which moments are in it, as they are typed."""
    found = (map(datetime.fromisoformat, each) for each in kept["windows"])
    return [f"any moment from {pitr.show(begin)} to {pitr.show(end)}" for begin, end in found]


def told(base: BaseBackup) -> dict[str, Any]:
    """Tell one base backup, as a table or a program wants it."""
    return {
        "id": base.label,
        "kind": base.kind,
        "at": base.ended.isoformat(),
        "seconds": (base.ended - base.begun).total_seconds(),
        "size": base.size,
        "stored": base.stored,
        "ok": not base.is_flawed,
    }


@dataclass(frozen=True)
class Archive:
    """The archive of one environment, seen from the container of its database."""

    place: Container

    def demand(self) -> None:
        """Raise Refused where no archive is kept."""
        if self._inside("sh", "-c", 'test -s "$PGBACKREST_CONFIG"', check=False).code != 0:
            raise Refused(
                f"{self.place.what} keeps no archive of its changes (PITR is off, or its settings "
                "are not whole: inv logs --service=db); the last backup is what it has. See "
                "runbooks/point-in-time.md; nothing was changed"
            )

    def bases(self) -> list[BaseBackup]:
        """List the base backups, the oldest first."""
        return pitr.bases(self._ask("info", "--output=json"))

    def files(self) -> Files:
        """List the files of changes that are stored."""
        return pitr.files(self._ask("repo-ls", "--recurse", "--output=json", "archive/main"))

    def windows(self) -> list[RecoveryWindow]:
        """Work out which moments can be returned to."""
        return pitr.windows(self.bases(), self.files())

    def state(self) -> ArchiveStatus:
        """Ask the database how its archiver is."""
        found = json.loads(self._sql(STATE))

        def moment(key: str) -> datetime | None:
            return datetime.fromtimestamp(found[key], UTC) if found[key] is not None else None

        now = moment("now") or datetime.now(UTC)
        return ArchiveStatus(now, moment("stored"), moment("failed"), int(found["waiting"]))

    def mark(self, wait: Callable[[float], None]) -> None:
        """Have everything until now in the store. Raises ArchiveError when it cannot be."""
        name = self._sql(*MARK).splitlines()[-1]
        stored = f"select last_archived_wal >= '{name}' from pg_stat_archiver"  # noqa: S608 - hex
        deadline = PATIENCE
        while self._sql(stored) != "t":
            if (deadline := deadline - 1) < 0:
                raise ArchiveError(
                    f"the store has not taken the changes of this moment for {PATIENCE:.0f} s; "
                    "look at: inv logs --service=db; nothing was changed"
                )
            wait(1.0)

    def take(self, report: Reporter, kind: str = "incr") -> BaseBackup:
        """Take a base backup; the first is a full one whatever `kind` says. Raises Busy."""
        self.demand()
        self.bases()  # says why a store does not answer; pgBackRest itself may only see a lock
        report.note(f"taking a base backup of {self.place.what}")
        self.follow("base backup", report, 0, "slipway-base", kind, "detail")
        return self.bases()[-1]

    def verify(self) -> list[str]:
        """Have every stored file read and its sum compared; return what is wrong.

        Raises Refused where there is no base backup, without which the rest is of no use.
        """
        self.demand()
        if not self.bases():
            raise Refused(f"nothing is there to verify: {pitr.NEVER}")
        done = self._inside(
            "pgbackrest", "verify", "--output=text", "--verbose", timeout=6 * 60 * MINUTES
        )
        return pitr.complaints(done.out)

    def catalogue(self) -> dict[str, Any]:
        """Return base backups, windows and what would be lost, as JSON can hold it."""
        self.demand()
        known, state = self.bases(), self.state()
        found = pitr.windows(known, self.files())
        reach = found[-1].end if found else None
        late = (
            f"; the store has not taken a change since {pitr.show(state.stored or state.now)} and "
            f"{state.waiting} files of 16 MB wait for it"
        )
        return {
            "bases": [told(each) for each in reversed(known)],
            "windows": [[each.begin.isoformat(), each.end.isoformat()] for each in found],
            "stuck": state.is_stuck,
            "summary": pitr.loss(reach, state.now) + (late if state.is_stuck else ""),
        }

    def follow(
        self, what: str, report: Reporter, size: int, *argv: str, container: str = ""
    ) -> None:
        """Run pgBackRest and tell how far it is. Raises Busy, ArchiveError with its reason."""
        words: list[str] = []
        told = -1

        def hear(line: str) -> None:
            nonlocal told
            words.append(line)
            del words[:-LAST_WORDS]
            if (share := SHARE.search(line)) and (percent := int(float(share[1]))) > told:
                told, total = percent, size or 100
                report.progress(what, total * percent // 100, total)

        command = ["docker", "exec", container or self.place.container, *argv]
        if self.place.host.follow(command, hear) != 0:
            text = "\n".join(words)
            kind = Busy if "[050]" in text else ArchiveError
            raise kind(f"the {what} failed: {pitr.reason(text)}")

    def _ask(self, *words: str) -> str:
        return self._inside("bash", "-euc", KNOCK, "bash", *words).out

    def _sql(self, *statements: str) -> str:
        return self._inside("sh", "-euc", ASK, "sh", *statements).out.strip()

    def _inside(
        self, *argv: str, check: bool = True, timeout: float = 2 * MINUTES
    ) -> CommandResult:
        command = ["docker", "exec", self.place.container, *argv]
        done = self.place.host.run(command, check=False, timeout=timeout)
        if check and done.code != 0:
            raise ArchiveError(
                f"{self.place.what}: {pitr.reason(done.out + done.err)}; nothing was changed"
            )
        return done
