"""Migrations on the terminal: where a database stands, what would run, what is not safe."""

import dataclasses
from collections.abc import Sequence

from slipway.migrations.review import Finding
from slipway.migrations.status import FindingRow, MigrationPlan, MigrationRow, MigrationStatus
from slipway.show import table
from slipway.show.writer import say


def show_status(status: MigrationStatus, *, as_json: bool = False) -> None:
    """Print a row for each migration, then what is wrong."""
    if as_json:
        table.document(dataclasses.asdict(status))
        return
    rows = [dataclasses.asdict(row) | {"state": _state(row)} for row in status.migrations]
    table.rows(["state", "file", "applied_at", "seconds", "by"], rows)
    _problems(status.problems)
    say(status.summary)


def show_plan(plan: MigrationPlan, *, as_json: bool = False) -> None:
    """Print the SQL that would run, with what each statement locks and risks as comments."""
    if as_json:
        table.document(dataclasses.asdict(plan))
        return
    for file in plan.pending:
        how = "in one transaction" if file.in_transaction else "statement by statement"
        say(f"-- {file.file}, {how}")
        for note in file.notes:
            say(f"--   {_sentence(note)}")
        for statement in file.statements:
            for finding in statement.findings:
                say(f"--   line {statement.line}: {_sentence(finding)}")
            say(f"{statement.sql};")
        say()
    _problems(plan.problems)
    say(f"-- {plan.summary}")


def show_findings(findings: Sequence[Finding], *, as_json: bool = False) -> None:
    """Print what is not safe, file by file."""
    if as_json:
        table.document([{**dataclasses.asdict(one), "blocks": one.blocks} for one in findings])
        return
    for one in findings:
        mark = "✗" if one.blocks else "·"
        allowed = f" (allowed: {one.allowed})" if one.allowed else ""
        say(f"{mark} {one}{allowed}")
    if not findings:
        say("no statement is unsafe while people use the database")


def _state(row: MigrationRow) -> str:
    return f"{row.state}, out of order" if row.applied and row.out_of_order else row.state


def _sentence(finding: FindingRow) -> str:
    name = f"{finding.risk} ({finding.rule})" if finding.rule else finding.risk
    allowed = f"; allowed: {finding.allowed}" if finding.allowed else ""
    instead = f"; instead: {finding.instead}" if finding.instead and not allowed else ""
    return f"{name}, lock {finding.lock}: {finding.why}{instead}{allowed}"


def _problems(problems: Sequence[str]) -> None:
    for problem in problems:
        say(f"! {problem}")
