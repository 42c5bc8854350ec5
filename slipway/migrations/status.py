"""Looking at a database's migrations without changing it: where it stands, and what would run."""

import datetime
from collections.abc import Sequence
from typing import Any

from slipway.database.connection import Server
from slipway.migrations import indexes, journal, state
from slipway.migrations import options as run_options
from slipway.migrations.files import Migration
from slipway.migrations.options import MigrationOptions
from slipway.migrations.review import Finding, review
from slipway.migrations.splitter import split
from slipway.migrations.state import MigrationState
from slipway.migrations.verdict import KnownSchema

READ_ONLY = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"


def status(server: Server, files: Sequence[Migration]) -> dict[str, Any]:
    """Return a row for each file and each applied version, and all that is wrong."""
    with server.connect() as connection:
        connection.execute(READ_ONLY)
        current = state.compare(files, journal.read(connection))
        ruins = list(indexes.invalid(connection)) if current.half_done else []
    problems = [each.text for each in current.problems]
    problems += [f"the index {full} is not valid" for full in ruins]
    counts = f"{len(current.applied)} applied, {len(current.pending)} pending"
    if problems:
        counts += f", {len(problems)} problem{'s' * (len(problems) != 1)}"
    return {
        "migrations": _rows(current),
        "problems": problems,
        "pending": len(current.pending),
        "summary": counts,
    }


def plan(server: Server, files: Sequence[Migration], options: MigrationOptions) -> dict[str, Any]:
    """Return the pending files in their order, statement by statement, and what is in the way."""
    with server.connect() as connection:
        connection.execute(READ_ONLY)
        current = run_options.compare(files, journal.read(connection), options)
        major = connection.info.server_version // 10000
    pending = run_options.choose_pending(current, options)
    problems = run_options.in_the_way(current, pending, options)
    schema = KnownSchema(major)
    return {
        "pending": [_file(each, schema) for each in pending],
        "problems": [each.text for each in problems],
        "server_major": major,
        "summary": f"{len(pending)} migration{'s' * (len(pending) != 1)} would run",
    }


def _rows(current: MigrationState) -> list[dict[str, Any]]:
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
            {
                "version": version,
                "file": name,
                "state": wrong.get(version, "applied" if entry else "pending"),
                "applied": entry is not None and entry.state == "done",
                "out_of_order": entry is not None and entry.out_of_order,
                "applied_at": _time(entry),
                "seconds": round(entry.seconds, 3) if entry and entry.seconds is not None else None,
                "by": entry.applied_by if entry else "",
            }
        )
    return rows


def _time(entry: journal.JournalEntry | None) -> str:
    at = entry.applied_at if entry else None
    return f"{at.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}" if at else ""


def _file(migration: Migration, schema: KnownSchema) -> dict[str, Any]:
    findings = review(migration, schema.major, schema)
    statements = []
    for each in split(migration.up.text):
        line = migration.up.first_line + each.line - 1
        of_it = [
            _finding(finding) for finding in findings if finding.line == line and finding.statement
        ]
        statements.append({"line": line, "sql": each.text, "findings": of_it})
    return {
        "version": migration.version,
        "file": migration.filename,
        "in_transaction": migration.up.in_transaction,
        "statements": statements,
        "notes": [_finding(finding) for finding in findings if not finding.statement],
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "risk": str(finding.risk),
        "rule": finding.rule,
        "lock": finding.lock,
        "why": finding.why,
        "instead": finding.instead,
        "allowed": finding.allowed,
    }
