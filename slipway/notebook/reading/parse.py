"""From a Markdown file to a Runbook, with every problem of its form by line."""

import hashlib
import re
from pathlib import Path

from slipway.errors import UsageError
from slipway.notebook.document import Heading, Runbook
from slipway.notebook.problem import Elsewhere, Problem, where
from slipway.notebook.reading import attributes, collection, front_matter
from slipway.notebook.reading.blocks import BlockReader
from slipway.notebook.reading.markdown import Page, clean, page, plain

LARGEST = 4_000_000  # bytes


def read(path: Path, *, native: bool = True) -> tuple[Runbook, list[Problem]]:
    """Read a file. Raises UsageError only where there is none to read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{where(path)} cannot be read: {error.strerror}") from None
    problems = []
    if len(data) > LARGEST:
        problems.append(Problem(where(path), 1, f"this file is larger than {LARGEST} bytes"))
        data = b""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = clean(data[: error.start].decode(errors="replace") + "x").count("\n")
        what = f"the byte {data[error.start]:#04x} is not UTF-8: save the file as UTF-8"
        problems.append(Problem(where(path), line, what))
        text = data.decode(errors="replace")
    runbook, others = parse(text, path, native=native)
    return runbook, sorted(problems + others)


def parse(text: str, path: Path, *, native: bool = True) -> tuple[Runbook, list[Problem]]:
    """Read a text as if it were in that file; whatever it holds, a Runbook comes of it.

    `native`: it was written for this kit. A text that says so itself need not be called so.
    """
    text = clean(text)
    parsed = page(text)
    file = where(path)
    problems: list[Problem] = []

    def complain(line: int, text: str, *, warning: bool = False, elsewhere: Elsewhere = "") -> None:
        problems.append(Problem(file, line, text, "warning" if warning else "error", elsewhere))

    def complain_of_matter(line: int, text: str, *, elsewhere: Elsewhere = "warning") -> None:
        complain(line, text, elsewhere=elsewhere)

    matter = front_matter.read(parsed.lines, complain_of_matter)
    native = native or matter.is_native or _has_attributes(parsed)
    reader = BlockReader(parsed, complain, native=native)
    blocks = reader.read()
    titles = [each for each in blocks if isinstance(each, Heading) and each.level == 1]
    if not titles:
        what = "there is no title: begin with # and what it achieves"
        complain(1, what, warning=True, elsewhere="nothing")
    runbook = Runbook(
        path=path,
        name=collection.name_of(path),
        title=titles[0].text if titles else matter.title or path.stem,
        summary=_summary(parsed, titles[0].line if titles else 0),
        matter=matter,
        blocks=blocks,
        text=text,
        digest=hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest(),
        native=native,
    )
    return runbook, sorted(set(problems))


def _has_attributes(parsed: Page) -> bool:
    """Whether a fence says in braces how this kit is to run it."""
    fences = [node for node in parsed.nodes if node.kind == "fence"]
    return any(attributes.read(node.token.info).is_native for node in fences)


def _summary(parsed: Page, line: int) -> str:
    """Return the first paragraph after the title, in one line."""
    for node in parsed.blocks:
        if node.begin >= line and node.kind == "paragraph":
            return re.sub(r"\s+", " ", plain(node.inline)).strip()
    return ""
