"""Linting migrations: our own review and squawk's, told as one list without doubles."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from slipway.migrations import squawk as squawks
from slipway.migrations.files import Migration
from slipway.migrations.review import Finding, allowances, learn, reason, review, shorten
from slipway.migrations.splitter import split
from slipway.migrations.squawk import SquawkFinding
from slipway.migrations.statement import Statement
from slipway.migrations.verdict import Risk

UNKNOWN = "not known"
# Of these squawk sees one file; ours knows the files before it, and docs/locks.md was measured.
MEASURED = {
    *("adding-field-with-default", "adding-not-nullable-field", "changing-column-type"),
    *("ban-alter-domain-with-add-constraint", "constraint-missing-not-valid"),
    "require-concurrent-index-creation",
}


def lint(
    migrations: Sequence[Migration],
    *,
    server_major: int,
    squawk: Path | None,
    together: bool = True,
    earlier: Sequence[Migration] = (),
) -> list[Finding]:
    """Find what is not safe in the ways up of these files, in the order in which they run.

    `together`: they are all pending and run in one go, so that what one makes is new to the next.
    `earlier` files have run before, and tell what columns are and what constraints prove.
    Without squawk only our own review speaks; say `squawk.SKIPPED` then. Raises SlipwayError.
    """
    remarks = squawks.remarks(squawk, migrations, server_major) if squawk else []
    schema = learn(earlier, server_major)
    findings: list[Finding] = []
    for migration in migrations:
        if not together:
            schema.forget_new()
        ours = review(migration, server_major, schema)
        theirs = [remark for remark in remarks if remark.filename == migration.filename]
        findings += sorted(
            [*ours, *_added(migration, ours, theirs)], key=lambda finding: finding.line
        )
    return [finding for finding in findings if finding.risk is not Risk.SAFE]


def blocking(findings: Sequence[Finding]) -> list[Finding]:
    """Keep what must not run on an environment in use."""
    return [finding for finding in findings if finding.blocks]


def _added(
    migration: Migration, ours: Sequence[Finding], remarks: Sequence[SquawkFinding]
) -> Iterator[Finding]:
    """Say what squawk saw in statements of which we said nothing; what is new, it cannot know."""
    judged = {finding.line for finding in ours if finding.rule or finding.is_new}
    statements = split(migration.up.text)
    seen = set()
    for remark in remarks:
        statement = _at(statements, remark.line - migration.up.first_line + 1)
        line = migration.up.first_line + statement.line - 1 if statement else remark.line
        if line in judged or (line, remark.rule) in seen or remark.rule in MEASURED:
            continue
        seen.add((line, remark.rule))
        yield Finding(
            filename=migration.filename,
            line=line,
            statement=shorten(statement.text) if statement else "",
            lock=UNKNOWN,
            risk=Risk.UNSAFE if remark.blocks else Risk.CAREFUL,
            why=remark.why,
            instead=remark.instead,
            rule=remark.rule,
            allowed=reason(allowances(statement, statements), remark.rule) if statement else "",
        )


def _at(statements: Sequence[Statement], line: int) -> Statement | None:
    """Find the statement that stands at a line of what was split."""
    for statement in statements:
        if statement.line <= line <= statement.line + statement.text.count("\n"):
            return statement
    return None
