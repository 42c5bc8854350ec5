"""Proves a backup by restoring it into a throw-away server, and measures how long that takes."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from slipway.backups.format import catalogue, manifest, sums
from slipway.backups.format.catalogue import Backup, Proof
from slipway.backups.format.encryption import Key
from slipway.backups.format.manifest import Damaged, Manifest
from slipway.backups.restore import compare, fill, local_dump, preflight
from slipway.backups.restore.compare import DatabaseState
from slipway.backups.restore.local_dump import DumpSource, LocalDump
from slipway.backups.take.backup import BackupResult
from slipway.database import siblings, throwaway
from slipway.database.connection import Server
from slipway.errors import Refused, SlipwayError
from slipway.migrations import splitter
from slipway.progress import Reporter, Silent
from slipway.storage.store import NotFound, NotListable, Store

NAME = "drilled"
MOST_LOST = 20  # percent of all rows, since the last drilled backup
MOST_SUMMED = (
    8 << 30
)  # bytes of a database; beyond, summing every row takes longer than it is worth
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


def drill(
    store: Store,
    backup: Backup,
    key: Key,
    report: Reporter,
    *,
    smoke: str = "",
    most_lost: int = MOST_LOST,
) -> DrillResult:
    """Restore a backup beside everything, look at it closely, keep what was found beside it.

    Raises what hinders the drill itself: no room, no store, a key that does not fit, an extension
    that is not here. That proves nothing.
    """
    made = backup.manifest
    _demand_room(made)
    began = time.monotonic()
    drilled = DrillResult(made.id, Proof("drill", "", 0.0, True), 0, "", 0, 0, {})
    why = ""
    try:
        with (
            local_dump.brought(DumpSource(store, made, key), report) as whole,
            throwaway.throwaway(report) as server,
        ):
            drilled = _restored(server, made, whole, smoke, report, drilled, began)
        before = _before(store, made)
        why = compare.shrunk(before, drilled.proof.counts, most_lost)
    except (Damaged, NotFound, DrillFailed) as error:
        why = str(error)
    at = f"{manifest.moment(manifest.stamp()):%Y-%m-%dT%H:%M:%SZ}"
    seconds = drilled.stages.get("restored") or round(time.monotonic() - began, 3)
    proof = Proof("drill", at, seconds, not why, drilled.proof.counts, why)
    catalogue.prove(store, made.id, proof)
    return replace(drilled, proof=proof)


def drill_just_taken(
    store: Store, taken: BackupResult, report: Reporter, *, smoke: str = ""
) -> DrillResult:
    """Drill a backup whose key is still known: nobody has to open it."""
    backup = catalogue.get(store, taken.manifest.id)
    return drill(store, backup, taken.key, report, smoke=smoke)


class DrillFailed(SlipwayError):
    """The backup was restored and is not what it should be."""


def _restored(
    server: Server,
    made: Manifest,
    whole: LocalDump,
    smoke: str,
    report: Reporter,
    drilled: DrillResult,
    began: float,
) -> DrillResult:
    """Restore; then look: counts, head, sums, smoke."""
    new = server.named(NAME)
    report.note("restoring it into a throw-away database")
    with server.connect() as session:
        target = preflight.look(session)
        lacking = sorted(made.extensions.keys() - target.extensions)
        if lacking:
            raise Refused(
                f"the image of ops has no extension {', '.join(lacking)}, so nothing can be "
                "proven by a restore; add its package to compose/ops/Dockerfile and deploy"
            )
        if made.major > target.major:
            raise Refused(f"it is of PostgreSQL {made.major}, and ops brings {target.major}")
        missing = tuple(sorted(set(made.roles) - target.roles))
        # An event trigger can only be a superuser's; nobody but us comes near this server.
        preflight.create_roles(session, missing, Silent(), rights="superuser")
        try:
            siblings.create(session, NAME, made.locale)
        except siblings.LocaleUnavailable as error:
            report.note(f"{error}; it is sorted otherwise here")
            own = replace(siblings.writing(session, server.database), encoding=made.locale.encoding)
            siblings.create(session, NAME, own)
    jobs = preflight.judge(target, made, whole).jobs
    try:
        fill.fill(new, whole, report, jobs=jobs, is_super=True, size=made.database_size)
        fill.analyze(new, jobs=jobs)
    except SlipwayError as error:
        raise DrillFailed(str(error)) from None
    restored = round(time.monotonic() - began, 3)
    report.note(f"restored in {restored:.1f} s; looking at what came back")
    seen = compare.look(new, report)
    problems = compare.differences(made, seen)
    summed: dict[str, str] = {}
    if not problems and made.database_size <= MOST_SUMMED:
        summed = sums.of_database(new)
        problems = sums.differences(sums.of_archive(whole), summed)
    if problems:
        raise DrillFailed(compare.told(problems))
    smoked = _smoke(new, smoke)
    proof = replace(drilled.proof, counts=seen.counts)
    stages = {"restored": restored, "all": round(time.monotonic() - began, 3)}
    return DrillResult(made.id, proof, _rows(seen), made.head, len(summed), smoked, stages)


def _smoke(server: Server, text: str) -> int:
    """Ask the project's own questions: every value of every row must be true."""
    import psycopg

    statements = splitter.split(text)
    with server.connect(application="slipway drill") as session:
        for one in statements:
            try:
                with session.transaction():
                    cursor = session.execute(one.text.encode())
                    rows = cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                said = error.diag.message_primary or str(error)
                raise DrillFailed(f"{SMOKE}: line {one.line}: {said}") from None
            if not all(value is True for row in rows for value in row):
                raise DrillFailed(f"{SMOKE}: line {one.line}: not every answer is true")
    return len(statements)


def _before(store: Store, made: Manifest) -> Mapping[str, int]:
    """Return the rows of the newest older backup that a drill has restored.

    Also of one that had lost too many: it was told then, and the next loss is another one.
    """
    with contextlib.suppress(NotListable):
        for backup in catalogue.read(store).backups:
            proof = backup.proofs.get("drill")
            if backup.id < made.id and proof and proof.counts:
                return proof.counts
    return {}


def _demand_room(made: Manifest) -> None:
    wanted = made.plain.size + int(made.database_size * ROOM)
    if wanted > throwaway.room():
        raise Refused(
            f"a drill of {made.id} needs about {wanted >> 20} MB in the scratch volume, which has "
            f"{throwaway.room() >> 20}; free some on the machine that runs ops"
        )


def _rows(seen: DatabaseState) -> int:
    return sum(seen.counts.values())
