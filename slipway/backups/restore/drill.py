"""Proves a backup by restoring it into a throw-away server, and measures how long that takes."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from slipway.backups.format import catalogue, sums
from slipway.backups.format.catalogue import Proof, StoredBackup
from slipway.backups.format.encryption import Key
from slipway.backups.format.manifest import Damaged, Manifest, written
from slipway.backups.format.signature import ANYBODY, Trust
from slipway.backups.restore import compare, fill, local_dump, trial
from slipway.backups.restore.local_dump import DumpSource, LocalDump
from slipway.database import isolated
from slipway.database.connection import Server
from slipway.database.isolated import TrialServer
from slipway.errors import SlipwayError
from slipway.migrations import splitter
from slipway.progress import Reporter
from slipway.storage.store import NotFound, NotListable, Store

NAME = "drilled"
MOST_LOST = 20  # percent of all rows, since the last drilled backup
MOST_SUMMED = 8 << 30  # bytes of a database; beyond, summing every row takes too long
ROOM = 1.3  # times the size that the database had
SMOKE = "backups/smoke.sql"


@dataclass(frozen=True)
class DrillResult:
    """What a drill found; `stages` are seconds."""

    id: str
    proof: Proof
    rows: int
    head: str
    summed: int  # tables whose rows were summed
    smoked: int  # questions of the smoke test
    stages: Mapping[str, float]


class DrillFailed(SlipwayError):
    """The backup was restored and is not what it should be."""


@dataclass
class Drill:
    """The state of one drill of a backup; `most_lost` is in percent of all rows."""

    store: Store
    backup: StoredBackup
    key: Key
    reporter: Reporter
    smoke: str = ""
    most_lost: int = MOST_LOST
    trust: Trust = ANYBODY
    dump: LocalDump = field(init=False)
    new: Server = field(init=False)  # the restored database, in the throw-away server
    restored_after: float = 0.0  # seconds

    def __post_init__(self) -> None:
        self.manifest = self.backup.manifest
        self.result = DrillResult(self.backup.id, Proof("drill", "", 0.0, True), 0, "", 0, 0, {})
        self.began = time.monotonic()

    def run(self) -> DrillResult:
        """Restore a backup into a server of its own, look at it closely, store the proof.

        Raises what hinders the drill itself: no room, no store, a key that does not fit, an
        extension that is not here. That proves nothing.
        """
        source = DumpSource(self.store, self.manifest, self.key)
        why = ""
        try:
            with (
                isolated.trial_server(self.reporter) as place,
                local_dump.fetch(source, self.reporter) as self.dump,
            ):
                needed = _room_needed(self.manifest, place)
                trial.demand_room(f"a drill of {self.backup.id}", needed, place)
                self.new = place.server.named(NAME)
                self.restore()
                self.examine()
            before = _rows_before(self.store, self.manifest, self.trust)
            why = compare.shrunk(before, self.result.proof.counts, self.most_lost)
        except (Damaged, NotFound, DrillFailed) as error:
            why = str(error)
        return self.prove(why)

    def restore(self) -> None:
        """Restore into the throw-away server."""
        self.reporter.note("restoring it into a throw-away database")
        findings = trial.prepare(self.new, self.dump, self.manifest, self.reporter)
        size = self.manifest.database_size
        try:
            fill.fill(self.new, self.dump, self.reporter, findings, size=size)
            fill.analyze(self.new, jobs=findings.jobs)
        except SlipwayError as error:
            raise DrillFailed(str(error)) from None
        self.restored_after = self._seconds()
        self.reporter.note(f"restored in {self.restored_after:.1f} s; checking what came back")

    def examine(self) -> None:
        """Compare counts, head and sums with the manifest, and run the smoke test."""
        state = compare.look(self.new, self.reporter)
        problems = compare.differences(self.manifest, state)
        sums_restored: dict[str, str] = {}
        if not problems and self.manifest.database_size <= MOST_SUMMED:
            sums_restored = sums.of_database(self.new)
            problems = sums.differences(sums.of_archive(self.dump), sums_restored)
        if problems:
            raise DrillFailed(compare.summarize(problems))
        smoked = _smoke(self.new, self.smoke)
        self.result = DrillResult(
            id=self.backup.id,
            proof=replace(self.result.proof, counts=state.counts),
            rows=state.rows,
            head=self.manifest.head,
            summed=len(sums_restored),
            smoked=smoked,
            stages={"restored": self.restored_after, "all": self._seconds()},
        )

    def prove(self, why: str) -> DrillResult:
        """Store the proof; `why` says why it is none."""
        seconds = self.result.stages.get("restored") or self._seconds()
        proof = Proof("drill", written(), seconds, not why, self.result.proof.counts, why)
        catalogue.prove(self.store, self.backup.id, proof, self.trust)
        return replace(self.result, proof=proof)

    def _seconds(self) -> float:
        return round(time.monotonic() - self.began, 3)


def _smoke(server: Server, text: str) -> int:
    """Ask the project's own questions: every value of every row must be true."""
    import psycopg

    statements = splitter.split(text)
    with server.connect(application="slipway drill") as session:
        for statement in statements:
            where = f"{SMOKE}: line {statement.line}"
            try:
                with session.transaction():
                    cursor = session.execute(statement.text.encode())
                    rows = cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                reason = error.diag.message_primary or str(error)
                raise DrillFailed(f"{where}: {reason}") from None
            if not all(value is True for row in rows for value in row):
                raise DrillFailed(f"{where}: not every answer is true")
    return len(statements)


def _rows_before(store: Store, manifest: Manifest, trust: Trust) -> Mapping[str, int]:
    """Return the rows of the newest older backup that a drill has restored.

    Also of one that had lost too many: it was told then, and the next loss is another one.
    """
    with contextlib.suppress(NotListable):
        before = catalogue.drilled_before(catalogue.read(store, trust).backups, manifest.id)
        return before.proofs["drill"].counts if before else {}
    return {}


def _room_needed(manifest: Manifest, place: TrialServer) -> int:
    return int(manifest.database_size * ROOM) + (manifest.plain.size if place.is_in_ops else 0)
