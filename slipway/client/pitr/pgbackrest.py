"""The archive of an environment's changes, asked and fed in the container of its database."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from slipway import shell_scripts
from slipway.backups import pitr
from slipway.backups.pitr import ArchiveError, BaseBackup, Files, RecoveryWindow
from slipway.client.container import Container
from slipway.client.session import Session
from slipway.environments.environment import Environment
from slipway.errors import Busy, DifferenceFound, Refused, SlipwayError
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES, SECONDS, CommandResult
from slipway.progress import Reporter

SHARE = re.compile(r"(?:backup|restore) file \S+ .*?([\d.]+)%\)")
LAST_LINES = 20
PATIENCE = 90 * SECONDS  # for the changes of this moment to reach the store
ASK = shell_scripts.read(__file__, "pgbackrest_ask.sh")
# A commit, so that recovery finds one after the moment, and then the file it is in, stored.
MARK = (
    "select from pg_logical_emit_message(true, 'slipway', 'a moment to return to')",
    "select pg_walfile_name(pg_switch_wal())",
)
KNOCK = shell_scripts.read(__file__, "pgbackrest_knock.sh")
UNKNOWN = "which points in time can be returned to is not known"
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


@dataclass(frozen=True)
class BaseBackupRow:
    """One base backup in a list; sizes in bytes."""

    id: str
    kind: str
    at: str
    seconds: float
    size: int
    stored: int
    ok: bool

    @classmethod
    def of(cls, base: BaseBackup) -> "BaseBackupRow":
        """Describe a base backup."""
        return cls(
            id=base.label,
            kind=base.kind,
            at=base.ended.isoformat(),
            seconds=(base.ended - base.begun).total_seconds(),
            size=base.size,
            stored=base.stored,
            ok=not base.is_flawed,
        )


@dataclass(frozen=True)
class BaseBackupReply:
    """A base backup that was taken."""

    backup: BaseBackupRow
    summary: str


@dataclass(frozen=True)
class VerifyReply:
    """What is wrong with the archive."""

    problems: tuple[str, ...]
    summary: str

    @property
    def ok(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class ArchiveCatalogue:
    """Base backups, newest first; the windows that can be returned to; what would be lost."""

    bases: tuple[BaseBackupRow, ...]
    windows: tuple[tuple[str, str], ...]
    stuck: bool
    summary: str

    def describe_windows(self) -> list[str]:
        """Say of each window which moments are in it, as they are typed."""
        moments = [tuple(map(datetime.fromisoformat, window)) for window in self.windows]
        return [f"any moment from {pitr.show(begin)} to {pitr.show(end)}" for begin, end in moments]


def take(session: Session, reporter: Reporter, *, full: bool = False) -> BaseBackupReply:
    """Take a base backup."""
    row = BaseBackupRow.of(Archive(session.database).take(reporter, "full" if full else "incr"))
    return BaseBackupReply(
        backup=row,
        summary=f"base backup {row.id} of {session.env.name}: {row.size >> 20} MB, of "
        f"which {row.stored >> 20} MB were stored, in {row.seconds:.0f} s",
    )


def verify(session: Session) -> VerifyReply:
    """Read everything that is archived."""
    problems = tuple(Archive(session.database).verify())
    intact = "the archive is intact: every file was read and its checksum matches"
    return VerifyReply(problems, "" if problems else intact)


def demand_intact(env: Environment | None, reply: VerifyReply) -> None:
    """Raise DifferenceFound unless the archive is intact."""
    if not reply.ok:
        where = f" --env={env.name}" if env else ""
        raise DifferenceFound(
            f"the archive is damaged: {'; '.join(reply.problems)}. Take a full base backup now: "
            f"inv db.backup{where} --physical --full"
        )


def read_catalogue(session: Session, reporter: Reporter) -> ArchiveCatalogue | None:
    """Return the catalogue of the archive, or None where there is none or it cannot be read."""
    if not session.env.switch("PITR"):
        return None
    try:
        return Archive(session.database).catalogue()
    except SlipwayError as error:
        reporter.note(f"{UNKNOWN}: {error}")
        return None


@dataclass(frozen=True)
class Archive:
    """The archive of one environment, seen from the container of its database."""

    container: Container

    def demand(self) -> None:
        """Raise Refused where no archive is kept."""
        if self._run("sh", "-c", 'test -s "$PGBACKREST_CONFIG"', check=False).code != 0:
            raise Refused(
                f"{self.container.what} keeps no archive of its changes (PITR is off, or its "
                "settings are incomplete: inv logs --service=db); the last backup is what it has. "
                "See runbooks/point-in-time.md; nothing was changed"
            )

    def bases(self) -> list[BaseBackup]:
        """List the base backups, the oldest first."""
        info = self._ask("info", "--output=json")
        with reading(self.container.host.name, "what pgBackRest has"):
            return pitr.bases(info)

    def files(self) -> Files:
        """List the files of changes that are stored."""
        listing = self._ask("repo-ls", "--recurse", "--output=json", "archive/main")
        with reading(self.container.host.name, "what pgBackRest has"):
            return pitr.files(listing)

    def windows(self) -> list[RecoveryWindow]:
        """Work out which moments can be returned to."""
        return pitr.windows(self.bases(), self.files())

    def state(self) -> ArchiveStatus:
        """Ask the database how its archiver is."""
        answer = self._sql(STATE)

        def moment(row: Mapping[str, float | None], key: str) -> datetime | None:
            seconds = row[key]
            return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None

        with reading(self.container.host.name, "how the archiver is"):
            row = json.loads(answer)
            now = moment(row, "now") or datetime.now(UTC)
            stored, failed = moment(row, "stored"), moment(row, "failed")
            return ArchiveStatus(now, stored, failed, int(row["waiting"]))

    def mark(self, wait: Callable[[float], None]) -> None:
        """Have everything until now in the store. Raises ArchiveError when it cannot be."""
        name = self._sql(*MARK).splitlines()[-1]
        stored = f"select last_archived_wal >= '{name}' from pg_stat_archiver"  # noqa: S608 - hex
        deadline = PATIENCE
        while self._sql(stored) != "t":
            if (deadline := deadline - 1) < 0:
                raise ArchiveError(
                    f"the store has not accepted the changes of this moment for {PATIENCE:.0f} s; "
                    "look at: inv logs --service=db; nothing was changed"
                )
            wait(1.0)

    def take(self, reporter: Reporter, kind: str = "incr") -> BaseBackup:
        """Take a base backup; the first is a full one whatever `kind` says. Raises Busy."""
        self.demand()
        self.bases()  # says why a store does not answer; pgBackRest itself may only see a lock
        reporter.note(f"taking a base backup of {self.container.what}")
        self.follow("base backup", reporter, 0, "slipway-base", kind, "detail")
        return self.bases()[-1]

    def verify(self) -> list[str]:
        """Have every stored file read and its sum compared; return what is wrong.

        Raises Refused where there is no base backup, without which the rest is of no use.
        """
        self.demand()
        if not self.bases():
            raise Refused(f"there is nothing to verify: {pitr.NEVER}")
        result = self._run(
            "pgbackrest", "verify", "--output=text", "--verbose", timeout=6 * 60 * MINUTES
        )
        return pitr.complaints(result.out)

    def catalogue(self) -> ArchiveCatalogue:
        """Read base backups and windows, and what would be lost."""
        self.demand()
        bases, state = self.bases(), self.state()
        windows = pitr.windows(bases, self.files())
        reach = windows[-1].end if windows else None
        late = (
            f"; the store has not accepted a change since {pitr.show(state.stored or state.now)} "
            f"and "
            f"{state.waiting} files of 16 MB wait for it"
        )
        return ArchiveCatalogue(
            bases=tuple(BaseBackupRow.of(base) for base in reversed(bases)),
            windows=tuple((each.begin.isoformat(), each.end.isoformat()) for each in windows),
            stuck=state.is_stuck,
            summary=pitr.loss(reach, state.now) + (late if state.is_stuck else ""),
        )

    def follow(
        self, what: str, reporter: Reporter, size: int, *argv: str, container: str = ""
    ) -> None:
        """Run pgBackRest and report its progress. Raises Busy, ArchiveError with its reason."""
        lines: list[str] = []
        last = -1

        def read_line(line: str) -> None:
            nonlocal last
            lines.append(line)
            del lines[:-LAST_LINES]
            if (share := SHARE.search(line)) and (percent := int(float(share[1]))) > last:
                last, total = percent, size or 100
                reporter.progress(what, total * percent // 100, total)

        command = ["docker", "exec", container or self.container.container, *argv]
        if self.container.host.follow(command, read_line) != 0:
            text = "\n".join(lines)
            kind = Busy if "[050]" in text else ArchiveError
            raise kind(f"the {what} failed: {pitr.reason(text)}")

    def _ask(self, *words: str) -> str:
        return self._run("bash", "-euc", KNOCK, "bash", *words).out

    def _sql(self, *statements: str) -> str:
        return self._run("sh", "-euc", ASK, "sh", *statements).out.strip()

    def _run(self, *argv: str, check: bool = True, timeout: float = 2 * MINUTES) -> CommandResult:
        command = ["docker", "exec", self.container.container, *argv]
        result = self.container.host.run(command, check=False, timeout=timeout)
        if check and result.code != 0:
            reason = pitr.reason(result.out + result.err)
            raise ArchiveError(f"{self.container.what}: {reason}; nothing was changed")
        return result
