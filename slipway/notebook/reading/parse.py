"""From a Markdown file to a Runbook, with every problem of its form by line."""

import hashlib
import re
from pathlib import Path

from slipway.errors import UsageError
from slipway.notebook.document import Heading, Runbook
from slipway.notebook.problem import Problem, nearest, where
from slipway.notebook.reading import front_matter
from slipway.notebook.reading.blocks import BlockReader
from slipway.notebook.reading.markdown import Page, clean, page, plain
from slipway.project import ROOT

RUNBOOKS = ROOT / "runbooks"
LARGEST = 4_000_000  # bytes


def find(name: str, folder: Path = RUNBOOKS) -> Path:
    """Return the file of a runbook: one of the collection by its name, or any by its path."""
    if not name:
        raise UsageError("which runbook? write --name=deploy; see inv runbook.list")
    runbooks = {path.stem: path for path in collection(folder)}
    if name in runbooks:
        return runbooks[name]
    if "/" not in name and not name.endswith(".md"):
        hint = nearest(name, runbooks) or "; see inv runbook.list"
        raise UsageError(f'there is no runbook "{name[:60]}"{hint}')
    path = Path(name)
    for candidate in (path, ROOT / path, folder / path):
        if _is_file(candidate):
            if candidate.suffix != ".md":
                raise UsageError(f"{name} is not a Markdown file: its name must end with .md")
            return candidate
    raise UsageError(f"there is no file {name[:200]}{nearest(path.stem, runbooks)}")


def collection(folder: Path = RUNBOOKS) -> list[Path]:
    """Return the runbooks of a folder; its README.md is their index, a hidden file is none."""
    paths = (path for path in folder.glob("*.md") if not path.name.startswith("."))
    return sorted(path for path in paths if path.name != "README.md")


def read(path: Path) -> tuple[Runbook, list[Problem]]:
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
    runbook, others = parse(text, path)
    return runbook, sorted(problems + others)


def parse(text: str, path: Path) -> tuple[Runbook, list[Problem]]:
    """Read a text as if it were in that file; whatever it holds, a Runbook comes of it."""
    text = clean(text)
    parsed = page(text)
    file = where(path)
    problems: list[Problem] = []

    def complain(line: int, text: str, *, warning: bool = False) -> None:
        problems.append(Problem(file, line, text, "warning" if warning else "error"))

    reader = BlockReader(parsed, complain)
    blocks = reader.read()
    titles = [each for each in blocks if isinstance(each, Heading) and each.level == 1]
    if not titles:
        complain(1, "there is no title: begin with # and what it achieves", warning=True)
    runbook = Runbook(
        path=path,
        name=path.stem,
        title=titles[0].text if titles else path.stem,
        summary=_summary(parsed, titles[0].line if titles else 0),
        matter=front_matter.read(parsed.lines, complain),
        blocks=blocks,
        text=text,
        digest=hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest(),
    )
    return runbook, sorted(set(problems))


def _summary(parsed: Page, line: int) -> str:
    """Return the first paragraph after the title, in one line."""
    for node in parsed.blocks:
        if node.begin >= line and node.kind == "paragraph":
            return re.sub(r"\s+", " ", plain(node.inline)).strip()
    return ""


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name no file system takes
        return False
