"""Looking at a database's migrations without changing it: where it stands, and what would run."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.database.connection import Server
from slipway.migrations import indexes, journal, other_tools, state
from slipway.migrations import options as run_options
from slipway.migrations.files import Migration
from slipway.migrations.known_schema import KnownSchema
from slipway.migrations.options import MigrationOptions
from slipway.migrations.review import Finding, learn, review
from slipway.migrations.splitter import split
from slipway.migrations.state import MigrationState

if TYPE_CHECKING:
    from psycopg import Connection

    Connected = Connection[tuple[object, ...]]

READ_ONLY = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"


@dataclass(frozen=True)
class MigrationRow:
    """One file or applied version; `seconds` is None where nobody measured."""

    version: str
    file: str
    state: str
    applied: bool
    out_of_order: bool
    applied_at: str
    seconds: float | None
    by: str


@dataclass(frozen=True)
class MigrationStatus:
    """Where a database stands; `pending` counts."""

    migrations: tuple[MigrationRow, ...]
    problems: tuple[str, ...]
    pending: int
    summary: str


@dataclass(frozen=True)
class FindingRow:
    """What a statement locks and risks."""

    risk: str
    rule: str
    lock: str
    why: str
    instead: str
    allowed: str

    @classmethod
    def of(cls, finding: Finding) -> "FindingRow":
        """Describe a finding."""
        return cls(
            risk=str(finding.risk),
            rule=finding.rule,
            lock=finding.lock,
            why=finding.why,
            instead=finding.instead,
            allowed=finding.allowed,
        )


@dataclass(frozen=True)
class PlannedStatement:
    """One statement that would run, and what is known of it."""

    line: int
    sql: str
    findings: tuple[FindingRow, ...]


@dataclass(frozen=True)
class PlannedFile:
    """One file that would run; `notes` are of the whole file."""

    version: str
    file: str
    in_transaction: bool
    statements: tuple[PlannedStatement, ...]
    notes: tuple[FindingRow, ...]


@dataclass(frozen=True)
class MigrationPlan:
    """The pending files in their order, and what is in the way."""

    pending: tuple[PlannedFile, ...]
    problems: tuple[str, ...]
    server_major: int
    summary: str


def status(server: Server, files: Sequence[Migration]) -> MigrationStatus:
    """Return a row for each file and each applied version, and all that is wrong."""
    with server.connect() as connection:
        connection.execute(READ_ONLY)
        current = state.compare(files, journal.read(connection))
        ruins = list(indexes.invalid(connection)) if current.half_done else []
        problems = _of_another_tool(connection, files)
    problems += [each.text for each in current.problems]
    problems += [f"the index {full} is not valid" for full in ruins]
    counts = f"{len(current.applied)} applied, {len(current.pending)} pending"
    if problems:
        counts += f", {len(problems)} problem{'s' * (len(problems) != 1)}"
    return MigrationStatus(tuple(_rows(current)), tuple(problems), len(current.pending), counts)


def plan(server: Server, files: Sequence[Migration], options: MigrationOptions) -> MigrationPlan:
    """Return the pending files in their order, statement by statement, and what is in the way."""
    with server.connect() as connection:
        connection.execute(READ_ONLY)
        current = run_options.compare(files, journal.read(connection), options)
        major = connection.info.server_version // 10000
        problems = _of_another_tool(connection, files)
        (path,) = connection.execute("SELECT current_schemas(false)::text[]").fetchone() or ([],)
    pending = run_options.choose_pending(current, options)
    problems += [each.text for each in run_options.in_the_way(current, pending, options)]
    versions = {each.version for each in pending}
    earlier = [each for each in files if each.version not in versions] if pending else []
    schema = learn(earlier, major, tuple(path))
    return MigrationPlan(
        pending=tuple(_file(migration, schema) for migration in pending),
        problems=tuple(problems),
        server_major=major,
        summary=f"{len(pending)} migration{'s' * (len(pending) != 1)} would run",
    )


def _of_another_tool(connection: "Connected", files: Sequence[Migration]) -> list[str]:
    owner = other_tools.owner(connection) if files else ""
    return [other_tools.problem(owner)] if owner else []


def _rows(current: MigrationState) -> list[MigrationRow]:
    here = {each.version: each for each in current.files}
    wrong = {each.version: each.kind for each in current.problems}
    entries = current.journal.entries
    rows = []
    for version in sorted(entries.keys() | here.keys(), key=state.order):
        entry, migration = entries.get(version), here.get(version)
        name = (
            migration.filename if migration else f"{version}_{entry.name}.sql" if entry else version
        )
        rows.append(
            MigrationRow(
                version=version,
                file=name,
                state=wrong.get(version, "applied" if entry else "pending"),
                applied=entry is not None and entry.state == "done",
                out_of_order=entry is not None and entry.out_of_order,
                applied_at=_time(entry),
                seconds=round(entry.seconds, 3) if entry and entry.seconds is not None else None,
                by=entry.applied_by if entry else "",
            )
        )
    return rows


def _time(entry: journal.JournalEntry | None) -> str:
    at = entry.applied_at if entry else None
    return f"{at.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}" if at else ""


def _file(migration: Migration, schema: KnownSchema) -> PlannedFile:
    findings = review(migration, schema.major, schema)
    statements = []
    for statement in split(migration.up.text):
        line = migration.up.first_line + statement.line - 1
        own = [FindingRow.of(each) for each in findings if each.line == line and each.statement]
        statements.append(PlannedStatement(line, statement.text, tuple(own)))
    return PlannedFile(
        version=migration.version,
        file=migration.filename,
        in_transaction=migration.up.in_transaction,
        statements=tuple(statements),
        notes=tuple(FindingRow.of(each) for each in findings if not each.statement),
    )
