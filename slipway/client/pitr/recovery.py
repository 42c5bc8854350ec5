"""The database as it was at a moment: a second server beside the live one, for a while.

It lives in a container of its own on the same machine, shares the live one's address under another
port, and lasts as long as the line to it: whoever asked and is gone takes it along, files and all.
"""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from slipway import shell_scripts
from slipway.agent.messages.restore import RecoverRequest, RestoreReply
from slipway.backups import pitr
from slipway.backups.pitr import BaseBackup
from slipway.backups.restore.spec import RestoreSpec
from slipway.client.pitr.pgbackrest import Archive
from slipway.client.session import Session
from slipway.errors import Busy, Refused, SlipwayError
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES, Host, script
from slipway.progress import Reporter

PORT = 5433
ROOM = 1.25  # times the size of the database: it, and changes on their way
LATELY = timedelta(minutes=10)  # so late changes may still lie on the disk of the live one
LAST = "12h"  # at the most, should the line never be heard to break
LABELS = (
    "{{or "
    + " ".join(
        f'(index .Config.Labels "{label}")'
        for label in ("slipway.app", "com.docker.compose.project")
    )
    + "}}"
)
# The application's role, and the one that takes backups: that one's name, or the same.
WHO = (
    'app=${POSTGRES_USER:-postgres} role=; [ ! -s "$PGDATA/slipway.roles" ] || role=_backup;'
    'printf "%s\\n" "$app$role" "$app"'
)
KEYS = shell_scripts.read(__file__, "recovery_keys.sh")
# The data's folder is below the volume from 18 on; the image makes it at its first start.
HOME = 'mkdir -p -m 700 "$PGDATA" && echo here && exec timeout {} cat >/dev/null'
GONE = shell_scripts.read(__file__, "recovery_gone.sh")
RECOVER = shell_scripts.read(__file__, "recovery_recover.sh")
LET_IN = shell_scripts.read(__file__, "recovery_let_in.sh")
SHORT = "recovery ended before configured recovery target was reached"
EARLY = "before consistent recovery point"
LAST_COMMIT = "last completed transaction was at log time "
TO_THE_END = "-c recovery_target_time="
APPLIED = re.compile(r'restored log file "([0-9A-F]{24})"')


@dataclass(frozen=True)
class RecoveryServer:
    """A server that holds what was there at a moment; reached where the live one is."""

    port: int
    moment: datetime
    base: str


def recover(session: Session, text: str, spec: RestoreSpec, reporter: Reporter) -> RestoreReply:
    """Put the database as it was at a moment in the live one's place, or beside it (`into`).

    Until the swap the live one is untouched and serves.
    """
    with past(Archive(session.database), text, reporter) as server:
        moment = pitr.show(server.moment)
        request = RecoverRequest(**vars(spec), port=server.port, moment=moment)
        return session.call(request, reporter)


@contextlib.contextmanager
def past(archive: Archive, text: str, reporter: Reporter) -> Iterator[RecoveryServer]:
    """Have the database as it was at a moment for a block. The live one is only read.

    Raises UsageError and Refused for a moment that cannot be had, Busy while another is had.
    """
    archive.demand()
    typed = pitr.parse_moment(text, archive.state().now)
    bases, files = archive.bases(), archive.files()
    newest = pitr.windows(bases, files)[-1:]
    if newest and typed >= newest[0].begin and typed > newest[0].end - LATELY:
        reporter.note("waiting for the latest changes to reach the store")
        archive.mark(time.sleep)
        bases, files = archive.bases(), archive.files()
    moment = pitr.meant(typed, bases, files)
    base = pitr.choose(moment, bases, files)
    with _container(archive) as container:
        _check_room(archive.container.host, container, base)
        reporter.note(f"restoring the base backup {base.label} next to the live database")
        _restore(archive, container, base, moment, reporter)
        reporter.note(f"applying what changed until {pitr.show(moment)}")
        _recover(archive, container, typed, base, pitr.last_file(base, files), reporter)
        yield RecoveryServer(PORT, moment, base.label)


@contextlib.contextmanager
def _container(archive: Archive) -> Iterator[str]:
    """Keep a container for a block; it ends with its input, and its volume with it."""
    host, live = archive.container.host, archive.container.container
    form = ["docker", "inspect", "--format"]
    app = host.run([*form, LABELS, live]).out.strip()
    image = host.run([*form, "{{.Image}}", live]).out.strip()
    name = f"{app}-past"
    argv = ["docker", "run", "--rm", "--interactive", "--name", name, "--init"]
    argv += ["--network", f"container:{live}", "--user", "999:999", "--read-only"]
    argv += ["--cap-drop", "ALL", "--tmpfs", "/tmp", "--tmpfs", "/run/postgresql"]  # noqa: S108  its own
    argv += ["--label", f"slipway.app={app}", "--label", "slipway.service=past"]
    argv += ["--entrypoint", "sh", image, "-c", HOME.format(LAST)]
    with host.open(argv) as process:
        if process.read(4) != b"here":
            words = process.wait().err
            if "is already in use" in words:
                raise Busy(
                    f"{archive.container.what} is being returned to another moment; retry when "
                    f"that has ended; nothing was changed"
                )
            raise SlipwayError(f"no second server could be started: {words.strip()[-300:]}")
        try:
            script(host, KEYS, live, name)
            yield name
        finally:
            process.end()
            script(host, GONE, name)


def _check_room(host: Host, container: str, base: BaseBackup) -> None:
    df = host.run(["docker", "exec", container, "sh", "-c", 'df -Pk "$PGDATA" | tail -n 1'])
    with reading(host.name, "its free disk"):
        free = int(df.out.split()[3]) * 1024
    if free < base.size * ROOM:
        raise Refused(
            f"{host.name} has {free / 1e9:.1f} GB free where Docker keeps its data, and the second "
            f"server needs {base.size * ROOM / 1e9:.1f} GB; nothing was changed"
        )


def _restore(
    archive: Archive, container: str, base: BaseBackup, moment: datetime, reporter: Reporter
) -> None:
    archive.follow(
        "restore of the base backup",
        reporter,
        base.size,
        *("pgbackrest", "--log-level-console=detail", f"--set={base.label}", "--type=time"),
        *(f"--target={moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00", "--target-action=promote"),
        *("--archive-mode=off", "restore"),
        container=container,
    )


@dataclass
class _RecoveryLog:
    """The second server's log while changes are applied to it."""

    reporter: Reporter
    lines: list[str] = field(default_factory=list)
    files: int = 0
    last: int = 0

    def read_line(self, line: str) -> None:
        self.lines.append(line)
        del self.lines[:-40]
        if match := APPLIED.search(line):
            self.files += 1
            self.last = pitr.number_of(match[1])
            self.reporter.progress("applying changes", self.files, 0)

    @property
    def fatal(self) -> str:
        lines = (line for line in self.lines if "FATAL:" in line and "not accepting" not in line)
        return next(lines, "")

    def end(self, base: BaseBackup) -> datetime:
        """The moment of the last commit, or of the base backup where none came after it."""
        ends = (line.partition(LAST_COMMIT)[2] for line in self.lines if LAST_COMMIT in line)
        text = next(ends, "").strip()
        end = max(datetime.fromisoformat(text), base.usable) if text else base.usable
        return end.astimezone(UTC)


def _recover(
    archive: Archive,
    container: str,
    moment: datetime,
    base: BaseBackup,
    last: int,
    reporter: Reporter,
) -> None:
    """Start the second server and let it apply changes, of which file `last` is the last kept."""
    host, live = archive.container.host, archive.container.container
    names = host.run(["docker", "exec", live, "sh", "-c", WHO]).out.splitlines()
    start = ["docker", "exec", container, "sh", "-uc", RECOVER, "sh", str(PORT)]
    log = _RecoveryLog(reporter)
    code = host.follow(start, log.read_line)
    if code != 0 and SHORT in log.fatal and moment == log.end(base):
        # Recovery ends at the first commit after a moment, and the very last one has none. At any
        # later moment there may have been others, which did not reach the store.
        log = _RecoveryLog(reporter)
        code = host.follow([*start, TO_THE_END], log.read_line)
    if code != 0:
        raise _why(log, moment, base, last)
    host.run(
        ["docker", "exec", container, "sh", "-euc", LET_IN, "sh", str(PORT), *names],
        timeout=2 * MINUTES,
    )


def _why(log: _RecoveryLog, moment: datetime, base: BaseBackup, last: int) -> SlipwayError:
    """Say why the second server did not come up at the moment."""
    if SHORT in log.fatal:
        what = "the changes that are stored end"
        if log.last < last:
            what = "a file of changes could not be applied (inv db.verify --physical); they end"
        return Refused(
            f"{what} before {pitr.show(moment)}; the last of them is of {log.end(base)}: "
            "type that moment; nothing was changed"
        )
    if EARLY in log.fatal:
        return Refused(
            f"{pitr.show(moment)} is too close to the end of the base backup {base.label}; type a "
            "moment a little later; nothing was changed"
        )
    words = log.fatal.partition("FATAL:")[2].strip()
    words = words or (log.lines[-1] if log.lines else "no reason given")
    return SlipwayError(f"the second server did not come up: {words[:300]}; nothing was changed")
