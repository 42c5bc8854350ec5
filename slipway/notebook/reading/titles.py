"""The runbooks that there are: what each says of itself before its first section."""

import re
from dataclasses import dataclass
from pathlib import Path

from slipway.notebook.reading import collection, parse
from slipway.notebook.reading.markdown import clean, front

SECTION = re.compile(r"^## ", re.MULTILINE)


@dataclass(frozen=True)
class Title:
    """What one runbook says of itself."""

    name: str
    title: str
    summary: str
    risk: str
    time: str
    tasks: tuple[str, ...]
    path: Path


def read_titles(folder: Path = collection.RUNBOOKS) -> list[Title]:
    """Return the titles of a folder's runbooks, by name; a file that cannot be read is left out."""
    paths = collection.read(folder).runbooks()
    return [title for path in paths if (title := _read_title(path)) is not None]


def _read_title(path: Path) -> Title | None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # Only what stands before the first section: forty of them are listed while somebody waits.
    runbook, _ = parse.parse(_before_sections(clean(text)), path)
    matter = runbook.matter
    return Title(
        runbook.name,
        runbook.title,
        runbook.summary,
        matter.risk,
        matter.time,
        matter.tasks,
        path,
    )


def _before_sections(text: str) -> str:
    """Return a text up to its first section; in the front matter ## begins a comment."""
    lines = text.split("\n")
    size = front(tuple(lines))
    matter, rest = "\n".join(lines[:size]), "\n".join(lines[size:])
    about = SECTION.split(rest, maxsplit=1)[0]
    return f"{matter}\n{about}" if size else about
