"""Restores a backup: proven before the server is touched, built beside the live one, swapped in."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from slipway.backups.format.manifest import Manifest, new_id, stamp
from slipway.backups.restore import compare, fill, local_dump, preflight, scrub
from slipway.backups.restore.local_dump import DumpSource, LocalDump
from slipway.backups.restore.preflight import RestoreFindings, Target
from slipway.database import identity, properties, siblings, swap
from slipway.database.connection import MAINTENANCE, Connection, NoDatabase, Server
from slipway.database.siblings import RESTORE, TextSettings
from slipway.errors import Busy, Refused, SlipwayError, UsageError
from slipway.progress import Reporter

PATIENCE = 300.0  # for a backup of the live database to end, or for sessions that hang
AGAIN = 10.0
FETCH = ("fetch", "fetch it, hold it against its sums, decode all of it; the server is not touched")
LOOK = ("preflight", "look whether the server has versions, extensions, roles, room for it")
CREATE = ("create", "create an empty database beside the live one")
FILL = ("fill", "restore into it, in parallel, ending at the first error")
COMPARE = ("compare", "hold rows, migrations, large objects, indexes against the backup")
SCRUB = ("scrub", "make the data of users harmless with the scrub file, in one transaction")
SWAP = ("swap", "put it in the place of the live one, which is kept under a dated name")
NAMED = ("name", "give it its name; the live one stays as it is")


@dataclass(frozen=True)
class RestoreSpec:
    """What a person asked for; `into` is a new database that nothing is swapped with."""

    environment: str
    into: str = ""
    tables: Sequence[str] = ()
    create_roles: bool = False
    scrub: str = ""
    origin: str = ""  # whose data a person says it is


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


class Stages:
    """Tells each stage as it begins, and keeps how long it took."""

    def __init__(self, names: Sequence[tuple[str, str]], report: Reporter) -> None:
        self.names = names
        self._report = report
        self.timings: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, which: tuple[str, str]) -> Iterator[None]:
        number = self.names.index(which) + 1
        self._report.note(f"{number}/{len(self.names)} {which[0]}: {which[1]}")
        began = time.monotonic()
        yield
        self.timings[which[0]] = round(time.monotonic() - began, 3)


def stages(order: RestoreSpec, origins: frozenset[str]) -> list[tuple[str, str]]:
    """Name what a restore will do, in order."""
    scrubs = [SCRUB] if scrub.is_due(origins, order.environment) else []
    return [FETCH, LOOK, CREATE, FILL, COMPARE, *scrubs, NAMED if order.into else SWAP]


def check_order(source: DumpSource, order: RestoreSpec) -> frozenset[str]:
    """Refuse what must not be; return the environments whose data it is, as far as one knows."""
    if order.tables and not order.into:
        raise UsageError("a few tables are restored beside only: add --into=NAME")
    known = [source.manifest.environment if source.manifest else "", order.origin]
    origins = frozenset(name for name in known if name)
    scrub.demand(origins, order.environment, order.scrub)
    scrub.check(order.scrub)
    return origins


def look(server: Server, source: DumpSource, order: RestoreSpec) -> tuple[Target, RestoreFindings]:
    """See what a restore would find, from the manifest alone."""
    with server.named(MAINTENANCE).connect() as session:
        _check_place(session, server, order)
        target = preflight.look(session)
        found = preflight.judge(target, source.manifest, None, create_roles=order.create_roles)
        notes = (*_stranger(source, server), *found.notes)
        return target, dataclasses.replace(found, notes=notes)


def restore(
    server: Server, source: DumpSource, order: RestoreSpec, report: Reporter
) -> RestoreResult:
    """Restore a backup in the place of the live database, or beside it.

    Until the swap the live one is untouched and serves; whatever was begun is dropped again.
    Raises Busy while another restore of it runs.
    """
    began = time.monotonic()
    origins = check_order(source, order)
    told = Stages(stages(order, origins), report)
    with siblings.alone(server, "restore") as session:
        siblings.drop_stale(session, server.database, report)
        _check_place(session, server, order)
        for text in _stranger(source, server):
            report.note(text)
        with told.stage(FETCH):
            opened = contextlib.ExitStack()
            whole = opened.enter_context(local_dump.brought(source, report))
        with opened:
            with told.stage(LOOK):
                found = _prepare(session, server.database, source, whole, order, report)
            with told.stage(CREATE):
                writing = _writing(session, server.database, source)
            with _new(session, server.database, writing, report) as name:
                new = server.named(name)
                rows, head = _fill(new, source, whole, order, found, told, report)
                opened.close()  # room for what the scrub and the swap may need
                _scrub(new, origins, order, told)
                return _finish(session, server, name, order, told, began, rows, head, report)


def replace(server: Server, name: str, report: Reporter) -> tuple[str, float]:
    """Put a filled database in the live one's place: properties first, then the names.

    What is at work in the live one may end first: much work is in the new one by now.
    """
    with server.named(MAINTENANCE).connect() as session:
        properties.copy(session, server.database, name, report)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            kept, seconds = swap.swap(server, name, stamp())
        except (Busy, swap.SwapBlocked) as error:
            if time.monotonic() > deadline:
                raise
            report.note(f"not yet: {error}")
            time.sleep(AGAIN)
            continue
        report.note(f"swapped in {seconds:.2f} s; the one before is kept as {kept}")
        return kept, seconds


def _prepare(
    session: Connection,
    live: str,
    source: DumpSource,
    whole: LocalDump,
    order: RestoreSpec,
    report: Reporter,
) -> RestoreFindings:
    target = preflight.look(session)
    found = preflight.judge(target, source.manifest, whole, create_roles=order.create_roles)
    preflight.demand(found, source.label, report)
    if not order.into and siblings.is_there(session, live):
        swap.check(session, live)  # better now than after an hour
    preflight.create_roles(session, found.missing_roles, report)
    return found


def _writing(session: Connection, live: str, source: DumpSource) -> TextSettings:
    """Write and sort as the backed-up did; a foreign file says nothing of it."""
    return source.manifest.locale if source.manifest else _own_writing(session, live)


def _own_writing(session: Connection, live: str) -> TextSettings:
    pattern = live if siblings.is_there(session, live) else "template1"
    return siblings.writing(session, pattern)


@contextlib.contextmanager
def _new(session: Connection, live: str, writing: TextSettings, report: Reporter) -> Iterator[str]:
    """Make a database for a block; it is dropped when the block fails, or by the next restore."""
    name = siblings.name_of(live, RESTORE, new_id())
    try:
        try:
            siblings.create(session, name, writing)
        except siblings.LocaleUnavailable as error:
            own = _own_writing(session, live)
            report.note(f"{error}; it will sort as {live} does ({own.locale or own.collate})")
            siblings.create(session, name, own)
        yield name
    except BaseException:
        with contextlib.suppress(Exception):  # the failure that led here is the one to tell
            siblings.drop(session, name)
        raise


def _fill(
    new: Server,
    source: DumpSource,
    whole: LocalDump,
    order: RestoreSpec,
    found: RestoreFindings,
    told: Stages,
    report: Reporter,
) -> tuple[int, str]:
    """Fill and compare; return the rows there are, and the newest migration."""
    manifest = source.manifest
    with told.stage(FILL):
        if order.tables:
            fill.fill_tables(new, whole, report, order.tables)
        else:
            size = manifest.database_size if manifest else 0
            fill.fill(new, whole, report, jobs=found.jobs, is_super=found.is_super, size=size)
        fill.analyze(new, jobs=found.jobs)
    with told.stage(COMPARE):
        seen = compare.look(new, report)
        if manifest:
            _demand_same(manifest, seen, order, found)
        if seen.behind:
            report.note(
                f"the sequence {', '.join(seen.behind)} stands behind the numbers in use, "
                "as it did in the backup"
            )
    head = seen.facts.migrations[-1] if seen.facts.migrations else ""
    return sum(seen.counts.values()), head


def _demand_same(
    manifest: Manifest, seen: compare.DatabaseState, order: RestoreSpec, found: RestoreFindings
) -> None:
    if order.tables:
        problems = compare.differences_of_tables(manifest, seen)
    else:
        problems = compare.differences(manifest, seen, left_out=not found.is_super)
    if problems:
        raise SlipwayError(
            f"what was restored is not what was backed up: {compare.told(problems)}; "
            "nothing was swapped and the old one serves"
        )


def _scrub(new: Server, origins: frozenset[str], order: RestoreSpec, told: Stages) -> None:
    """Scrub what comes from production, also by what the data says of itself; mark whose it is."""
    with new.connect(application="slipway restore") as session:
        row = identity.read(session)
    seen = origins | ({row} if row else frozenset())
    scrub.demand(seen, order.environment, order.scrub)
    if scrub.is_due(seen, order.environment):
        with told.stage(SCRUB) if SCRUB in told.names else contextlib.nullcontext():
            scrub.scrub(new, order.scrub)
    if not order.tables:
        with new.connect(application="slipway restore") as session:
            identity.write(session, order.environment)


def _finish(
    session: Connection,
    server: Server,
    name: str,
    order: RestoreSpec,
    told: Stages,
    began: float,
    rows: int,
    head: str,
    report: Reporter,
) -> RestoreResult:
    kept, seconds = "", 0.0
    is_there = siblings.is_there(session, server.database)
    with told.stage(NAMED if order.into else SWAP):
        if order.into or not is_there:
            if is_there:
                properties.copy(session, server.database, name, report)
            else:
                report.note(f"there was no {server.database}; it is made")
                properties.open_to_all(session, name)
            siblings.name_it(session, name, order.into or server.database)
        else:
            kept, seconds = replace(server, name, report)
    took = round(time.monotonic() - began, 3)
    where = order.into or server.database
    return RestoreResult(where, kept, rows, took, round(seconds, 3), head, dict(told.timings))


def _stranger(source: DumpSource, server: Server) -> list[str]:
    """Say that a backup is of a database of another name: moved here, or another project's."""
    theirs = source.manifest.database if source.manifest else server.database
    if theirs == server.database:
        return []
    return [f"{source.label} is of {theirs}, and this is {server.database}: is that meant?"]


def _check_place(session: Connection, server: Server, order: RestoreSpec) -> None:
    """Refuse a name that is taken, and the place of another environment's database."""
    into = order.into
    if not into:
        # One that does not even answer cannot say whose it is, and may be what is to be mended.
        with contextlib.suppress(NoDatabase), server.connect() as live:
            identity.refuse_another(live, order.environment)
        return
    if len(into.encode()) > siblings.LONGEST_NAME or not into.isprintable():
        raise UsageError(f"--into={into[:80]!a} can be no name of a database")
    if siblings.is_there(session, into):
        raise Refused(f"there is a database {into} already; nothing was changed; take another name")
