"""What was decided about an older project, as a document of the new one."""

from collections.abc import Iterator

from slipway.scaffold.importing.conversion import Conversion

FILE = "MOVE-IN.md"


def text(conversion: Conversion) -> str:
    """Write it as Markdown."""
    return "\n".join(_lines(conversion)) + "\n"


def _lines(conversion: Conversion) -> Iterator[str]:
    yield "# Moved in"
    yield ""
    yield "What became of the older project, and what is left to do. Remove this file in the end."
    yield ""
    yield "| service | becomes | because |"
    yield "|---|---|---|"
    for each in conversion.services:
        reason = each.reason.replace("|", r"\|")
        yield f"| {each.name} | {each.role} | {reason} |"
    todo = [str(problem) for problem in conversion.problems]
    todo += [f"{path}: holds secrets; delete it once this serves" for path in conversion.leftovers]
    if todo:
        yield from ("", "## To do", "", *(f"- [ ] {each}" for each in todo))
    if conversion.notes:
        yield from ("", "## Decided", "", *(f"- {note}" for note in conversion.notes))
