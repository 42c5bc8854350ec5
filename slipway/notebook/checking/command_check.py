"""Every `inv` command of a document, held against the commands that there are.

Cells are read as a shell reads them, so what stands in a comment, in a heredoc or in quotes is no
command. In prose it is the code spans that begin with `inv`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from slipway.notebook.commands import UNKNOWN, Commands
from slipway.notebook.document import Cell, Runbook, Sample
from slipway.notebook.problem import Problem
from slipway.notebook.reading.markdown import page
from slipway.notebook.reading.shell_tree import tree, unquoted, walk

SPAN = re.compile(r"(?<![`\\])(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
INV = re.compile(r"(?:\S*/)?(?:inv|invoke)")
# What stands in a document for something else: ..., …, <name>.
BLANK = re.compile(r"\.\.\.|…|<[\w .-]+>")
# These run what follows them; words between, such as options and 5s, are theirs.
WRAPPERS = {
    *("builtin", "caffeinate", "command", "env", "exec", "nice", "nohup", "setsid", "stdbuf"),
    *("sudo", "time", "timeout", "xargs"),
}
THEIRS = re.compile(r"-.*|[A-Za-z_]\w*=.*|\d+(\.\d+)?[smhd]?|[a-z_][a-z0-9_-]*")

CONTINUED = re.compile(r"(?<!\\)(\\\\)*\\$")  # a backslash at the end that is not escaped itself


@dataclass(frozen=True)
class Command:
    """What follows `inv`, and the line where that stands, counted from 0."""

    words: tuple[str, ...]
    line: int


Named = Sequence[tuple[int, Sequence[str]]]


def problems(
    runbook: Runbook, file: str, commands: Commands, commanded: Named
) -> Iterator[Problem]:
    """Hold the commands of a document against those that there are."""
    for line, words in commanded:
        pattern = words[0] if words else ""
        if "*" in pattern:
            if not any(fnmatchcase(name, pattern) for name in commands.tasks()):
                yield Problem(file, line, f"there is no task like {pattern}; see inv --list")
            continue
        awaited = next((w for w in words if w in runbook.matter.awaits), None)
        text = commands.complaint(words)
        if text and awaited and awaited not in commands.tasks():
            text = f"inv {awaited} does not exist yet; `awaits` in the front matter says so"
            yield Problem(file, line, text, "warning")
        elif text:
            yield Problem(file, line, text)


def named(runbook: Runbook) -> Iterator[tuple[int, Sequence[str]]]:
    """Return what follows each `inv` of a document, with its line."""
    for block in runbook.blocks:
        if isinstance(block, Cell) and block.language == "sh":
            for command in in_shell(block.source):
                yield block.line + 1 + command.line, command.words
        elif isinstance(block, Sample) and block.language == "console":
            for number, text in _typed(block):
                yield from ((number + each.line, each.words) for each in in_shell(text))
    for number, text in _spans(runbook):
        if re.match(r"(\./)?inv( |$)", text):
            for each in in_shell(BLANK.sub(UNKNOWN, text)):
                # Without a value it tells of a task, `inv status --check`, and is not to be typed.
                is_told = each.words and not any("=" in word for word in each.words)
                yield number, (*each.words, UNKNOWN) if is_told else each.words


def in_shell(source: str) -> Iterator[Command]:
    """Find the commands of a shell script that call `inv`."""
    if "inv" not in source:
        return
    for node in walk(tree(source)):
        if node.type != "command":
            continue
        name = node.child_by_field_name("name")
        if name is None:
            continue
        words = [unquoted(each) for each in (name, *node.children_by_field_name("argument"))]
        start = _start(words)
        if start is not None:
            more = [UNKNOWN] if words[0] == "xargs" else []
            yield Command((*words[start + 1 :], *more), name.start_point[0])


def _start(words: Sequence[str]) -> int | None:
    """Return where `inv` stands, behind sudo, time and the like too."""
    if INV.fullmatch(words[0]):
        return 0
    if words[0].rpartition("/")[2] not in WRAPPERS or words[:2] in (
        ["command", "-v"],
        ["command", "-V"],
    ):
        return None
    for number, word in enumerate(words):
        if INV.fullmatch(word):
            return number
        if not THEIRS.fullmatch(word):
            return None
    return None


def _typed(sample: Sample) -> Iterator[tuple[int, str]]:
    """Return what is typed at the prompts of a sample, each with the line where it begins."""
    lines = enumerate(sample.text.split("\n"), sample.line + 1)
    for number, text in lines:
        typed = text.lstrip()
        if not typed.startswith("$ "):
            continue
        typed = typed[2:]
        while CONTINUED.search(typed) and (more := next(lines, None)):
            typed += "\n" + more[1].lstrip().removeprefix("> ")
        yield number, typed


def _spans(runbook: Runbook) -> Iterator[tuple[int, str]]:
    """Return the code spans of headings, paragraphs, lists and tables, with their lines."""
    for node in page(runbook.text).walk():
        if node.token.type == "inline":
            text = node.token.content
            for match in SPAN.finditer(text):
                line = node.begin + 1 + text.count("\n", 0, match.start())
                yield line, " ".join(match[2].split())
