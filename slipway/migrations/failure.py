"""What went wrong with a statement, in a sentence: where, why, what is as it was, what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError, first_line
from slipway.migrations.blockers import without_strings
from slipway.migrations.files import Migration, Script
from slipway.migrations.statement import Statement

if TYPE_CHECKING:
    import psycopg

LOCK_NOT_AVAILABLE, DEADLOCK = "55P03", "40P01"
LONG = 160  # characters of a statement that are shown

HINTS = {
    "55P04": "put ALTER TYPE … ADD VALUE in a file of its own before this one",
    "25001": "put it in a file of its own that says `transaction:false`",
    "53100": "make room on the database's disk first",
    LOCK_NOT_AVAILABLE: "try again when it is free, or wait longer with --lock-timeout",
}


@dataclass(frozen=True)
class Failure:
    """One statement that failed; number 0 is our own record, one past the last is the commit."""

    number: int
    state: str
    message: str
    hint: str = ""
    position: int = 0

    @property
    def is_worth_a_retry(self) -> bool:
        """Whether the same file could go through a moment later."""
        return self.state in (LOCK_NOT_AVAILABLE, DEADLOCK)


class MigrationFailed(SlipwayError):
    """A file failed; the text says where and what became of it."""


def from_error(error: "psycopg.Error", number: int, before: int = 0) -> Failure:
    """Read what the server said; `before` is how many letters were sent before the statement."""
    diagnostics = error.diag
    return Failure(
        number=number,
        state=error.sqlstate or "",
        message=diagnostics.message_primary or first_line(error),
        hint=HINTS.get(error.sqlstate or "", diagnostics.message_hint or ""),
        position=max(int(diagnostics.statement_position or 0) - before, 0),
    )


def explain(
    failure: Failure,
    migration: Migration,
    text: Script,
    statements: Sequence[Statement],
    became: str,
    *,
    blockers: str = "",
) -> MigrationFailed:
    """Put a failure into words; `became` says what is left of the file."""
    code = f" ({failure.state})" if failure.state else ""
    reason = f"{failure.message}{code}"
    if blockers and failure.is_worth_a_retry:
        reason += f", behind {blockers}"
    hint = f"; {failure.hint}" if failure.hint else ""
    if not 1 <= failure.number <= len(statements):
        doing = "recording it" if failure.number < 1 else "committing it"
        return MigrationFailed(
            f"migrations/{migration.filename}: {doing} failed: {reason}; {became}{hint}"
        )
    statement = statements[failure.number - 1]
    inside = statement.text[: max(failure.position - 1, 0)].count("\n")
    line = text.first_line + statement.line - 1 + inside
    shown = without_strings(statement.text)[:LONG]
    return MigrationFailed(
        f"migrations/{migration.filename}, line {line}: statement {failure.number} of "
        f"{len(statements)} failed: {reason}; {became}{hint}\n    {shown}"
    )
