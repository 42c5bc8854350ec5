"""An older project on its way into a new one: what is asked, and what becomes of it."""

import sys
from collections.abc import Mapping, Sequence

from slipway.scaffold.importing.conversion import Conversion
from slipway.scaffold.importing.findings import Question
from slipway.scaffold.importing.report import FILE
from slipway.show import table
from slipway.show.writer import say, tell


def ask(questions: Sequence[Question], answered: Mapping[str, str]) -> dict[str, str]:
    """Ask a person at a terminal; Enter takes the default. Nobody there: nothing is answered."""
    open_ones = [each for each in questions if each.key not in answered]
    if not open_ones or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return {}
    from rich.console import Console
    from rich.prompt import Prompt

    console = Console(stderr=True)
    return {
        each.key: Prompt.ask(
            each.text,
            console=console,
            choices=list(each.choices) or None,
            default=each.default,
        )
        for each in open_ones
    }


def show(conversion: Conversion, answered: Mapping[str, str]) -> None:
    """Print what becomes of each service, what nobody answered, what cannot be taken as it is."""
    columns = ("service", "becomes", "because")
    values = ((each.name, each.role, each.reason) for each in conversion.services)
    table.rows(columns, [dict(zip(columns, row, strict=True)) for row in values])
    for each in conversion.questions:
        if each.key not in answered:
            other = "|".join(each.choices) or "..."
            tell(f"  ~ {each.text}. Taken: {each.default} (--set={each.key}={other})")
    for problem in conversion.problems:
        say(f"  ! {problem}")
    if conversion.notes:
        say(f"{len(conversion.notes)} decisions and why: {FILE} in the new project")
