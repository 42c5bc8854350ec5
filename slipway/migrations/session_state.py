"""What statements leave in their session alone: set again where a file is resumed, or lost by then.

A file that is resumed has a new session. What its first statements set there is set again; their
temporary tables are gone, and their names may mean tables in use.
"""

import re
from collections.abc import Mapping, Sequence

from slipway.migrations.known_schema import KnownSchema
from slipway.migrations.names import TEMPORARY, plain
from slipway.migrations.rules import verdicts
from slipway.migrations.statement import Statement

_SETTINGS = ("SET", "RESET", "DISCARD")
_OF_OUR_OWN = ("PG_CATALOG", ".")


def is_set_again(statement: Statement) -> bool:
    """Whether a statement sets something for those behind it, and does nothing else."""
    if statement.kind in _SETTINGS:
        return True
    called = statement.words[1:]
    called = called[2:] if called[:2] == _OF_OUR_OWN else called
    is_alone = called.count("(") == 1 and called[-1:] == (")",)
    return statement.kind == "SELECT" and called[:2] == ("SET_CONFIG", "(") and is_alone


def find_lost(statements: Sequence[Statement], first: int) -> str:
    """Say which statement from the `first` on names a temporary table that is lost; or nothing."""
    makers = _temporary(statements[: first - 1])
    for number, statement in enumerate(statements[first - 1 :], first):
        names = {plain(word) for word in statement.words}
        if statement.kind == "DO":
            names |= set(re.findall(r"\w+", statement.text.lower()))
        for name in sorted(names & makers.keys()):
            return (
                f"statement {number} names {name}, a temporary table that statement "
                f"{makers[name]} made and that ended with its session"
            )
    return ""


def _temporary(statements: Sequence[Statement]) -> Mapping[str, int]:
    """Name the temporary tables that statements leave behind, and which of them made each."""
    schema = KnownSchema(major=0, in_transaction=False)
    makers: dict[str, int] = {}
    for number, statement in enumerate(statements, 1):
        before = schema.temporary
        list(verdicts(statement, schema))
        makers |= dict.fromkeys(schema.temporary - before, number)
    return {full.removeprefix(f"{TEMPORARY}."): makers[full] for full in schema.temporary}
