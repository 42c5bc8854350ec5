"""Whether the cells are whole: shell as bash reads it, Python as Python does; nothing is run."""

import re
import warnings
from collections.abc import Iterator, Sequence

from slipway.hosts.local import LocalHost
from slipway.notebook.document import Cell
from slipway.notebook.reading.shell_tree import tree

# Parses each script, they end with NUL, in a child of one bash: a thousand starts take seconds.
# After `set -n` bash reads on and runs nothing. One line, so that its own lines count from 1.
READER = (
    r"""number=0; while IFS= read -r -d '' script; do printf '\0%s\n' "$number"; """
    r"""(case $script in *extglob*) shopt -s extglob ;; esac; """
    r"""eval "set -n || exit"$'\n'"$script") 2>&1 || echo 'it failed'; """
    r"""number=$((number + 1)); done"""
)
BASH = ("env", "-i", "LC_ALL=C", "bash", "--norc", "--noprofile")
NOT_SHELL = "; what is no shell, like output or a query, wants another word after the fence's mark"
MESSAGE = re.compile(r"^\S*: (?:eval: )?line (\d+): (.*)$", re.MULTILINE)


def faults(cells: Sequence[tuple[str, Cell]]) -> Iterator[tuple[str, int, str]]:
    """Find cells that cannot be parsed; each comes with its file, and so does what is wrong."""
    for file, cell in cells:
        if cell.language == "python":
            yield from ((file, cell.line + line, text) for line, text in _python(cell.source))
    # What tree-sitter takes for whole is read in one go; bash has the last word on all of it.
    doubtful: list[tuple[str, Cell]] = []
    whole: list[tuple[str, Cell]] = []
    for file, cell in cells:
        if cell.language == "sh":
            is_healthy = "<<" not in cell.source and not tree(cell.source).has_error
            (whole if is_healthy else doubtful).append((file, cell))
    if whole and _bash_complaints(["\n".join(cell.source for _, cell in whole)]) != [(0, "")]:
        doubtful += whole
    complaints = _bash_complaints([cell.source for _, cell in doubtful])
    for (file, cell), (line, text) in zip(doubtful, complaints, strict=True):
        if text:
            last = len(cell.source.splitlines())
            advice = "" if cell.native else NOT_SHELL
            yield file, cell.line + min(line, last), f"bash cannot read this: {text}{advice}"


def _bash_complaints(scripts: Sequence[str]) -> list[tuple[int, str]]:
    """Return bash's first complaint about each script with its line, or (0, "")."""
    if not scripts:
        return []
    joined = "".join(script.replace("\0", "�") + "\n\0" for script in scripts)
    result = LocalHost().run([*BASH, "-c", READER], stdin=joined.encode(), check=False)
    return [_complaint(message.partition("\n")[2]) for message in result.out.split("\0")[1:]]


def _complaint(message: str) -> tuple[int, str]:
    match = MESSAGE.search(message)
    if match is None:  # it may have fallen over without a word
        return (1, "it is nested too deeply, or ends in the middle") if message.strip() else (0, "")
    text = match[2].removeprefix("syntax error: ").removeprefix("syntax error ")
    mark = re.search(r"wanted `(.*)'", text)
    if mark:
        return _line(text), f"nothing ends the heredoc; {mark[1]} has to stand alone on a line"
    quote = re.search(r"looking for matching `(.*)'", text)
    if quote:
        text = f"nothing closes the {quote[1]} that is opened here"
    elif "end of file" in text:
        text = "something that is opened here is never closed: a quote, a bracket, if, for, {"
    return max(int(match[1]) - 1, 1), text


def _line(text: str) -> int:
    at = re.search(r"at line (\d+)", text)
    return max(int(at[1]) - 1, 1) if at else 1


def _python(source: str) -> Iterator[tuple[int, str]]:
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(source, "cell", "exec", dont_inherit=True)
    except SyntaxError as error:
        yield error.lineno or 1, f"Python cannot read this: {error.msg}"
    except (ValueError, MemoryError, RecursionError) as error:
        yield 1, f"Python cannot read this: {error or 'it is nested too deeply'}"
