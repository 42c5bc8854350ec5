"""Shell as people write it for people: prompts before the commands, `<names>` to fill in.

A cell keeps what stands in the file and gets what is to run: the commands without their prompts and
without the output between them, and a variable for each blank, quoted for where it stands.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from slipway.notebook.document import Cell
from slipway.notebook.reading import shell_openers, shell_tree

# `$ oc`, `[root@m1 ~]# oc`, `anna@laptop:~/src$ oc`, `sh-4.4# oc`, `(venv) $ oc`
HOST = r"\[[\w.-]+@[^\]\n]*\]|[\w.-]+@[\w.-]+:[^\s$#]*|(?:ba)?sh-[\d.]+"
PROMPT = re.compile(rf"[ \t]*(?:(?:\([\w.-]+\)[ \t]*)?(?:{HOST})?\$|(?:{HOST})#)[ \t]+(?=\S)")
FURTHER = re.compile(r"^[ \t]*> ")  # before the second line of a command
CONTINUED = re.compile(r"(?<!\\)(\\\\)*\\$")

WORDS = r"[A-Za-z][\w .,/:'()-]*[\w)]"
BLANK = re.compile(rf"(?<![<$&?])(?<!\?P)<([A-Za-z]|[A-Za-z][\w-]*(?:\|[\w-]+)*|{WORDS})>(?!\w)")
# What kubectl and its like print in place of a value is looked for as it stands.
PRINTED = {"none", "unknown", "nil", "pending", "invalid", "unset", "error", "no value", "null"}
FILE = re.compile(r"\S*\.\w+")  # `<in.txt>`: a file that is read, and not a name to fill in
# A cell must not find its PATH or HOME in a blank of that name.
RESERVED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|PWD|IFS|TERM|LANG|UID|EUID|PPID|CI|ENV|HOSTNAME"
    r"|(BASH|LD|LC|PYTHON|RUNBOOK|OPT)(_.*)?"
)
LONGEST = 40  # characters of a variable's name


def has_prompt(cell: Cell) -> int:
    """Return the line of a cell's first prompt, counted from 1; 0 without one."""
    if cell.language != "sh":
        return 0
    lines = (cell.written or cell.source).split("\n")
    return next((number for number, _ in _commands(lines)), -1) + 1


def as_it_runs(cell: Cell, *, with_blanks: bool) -> Cell:
    """Return a cell with what runs of it as its source; every line stays where it is."""
    if cell.language != "sh":
        return cell
    source = cell.source
    texts: list[str] = []
    if with_blanks and "<" in source:
        source, texts = _marked(source)
    lines = source.split("\n")
    if commands := list(_commands(lines)):
        source = _laid_out(commands, lines)
    source, used = _filled(source, texts)
    if source == cell.source:
        return cell
    return replace(cell, source=source, written=cell.source, blanks=tuple(used.items()))


def lines_as_shown(cell: Cell) -> Iterator[tuple[str, bool]]:
    """Yield the lines of a cell as a person should see them before it runs, and whether each runs.

    Prompts are gone, blanks are as they were written.
    """
    source = shell_openers.part_that_runs(cell).source.rstrip("\n").split("\n")
    written = (cell.written or cell.source).rstrip("\n").split("\n")
    source += [""] * (len(written) - len(source))
    has_prompts = has_prompt(cell) > 0
    for runs, line in zip(source, written, strict=False):
        if has_prompts and runs:
            match = PROMPT.match(line) or FURTHER.match(line)
            yield line[len(match[0]) :] if match else line, True
        else:
            yield line, bool(runs) or not line.strip() or source == written


# --- prompts ---------------------------------------------------------------------------------


def _commands(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield what is typed at each prompt, with its first line; nothing for a plain script."""
    number, ends = 0, ""
    while number < len(lines):
        if ends:  # in a heredoc of a plain script, where a $ begins no command
            ends = "" if lines[number].strip() == ends else ends
            number += 1
            continue
        match = PROMPT.match(lines[number])
        if match is None:
            heredoc = re.search(r"<<-?\s*[\"']?(\w+)", lines[number])
            ends = heredoc[1] if heredoc else ""
            number += 1
            continue
        typed = _typed(lines, number, len(match[0]))
        yield number, typed
        number += len(typed)


def _typed(lines: Sequence[str], first: int, width: int) -> list[str]:
    """Return a command with its further lines: after a backslash, or until it is complete."""
    typed = [lines[first][width:]]
    rest = lines[first + 1 :]
    if rest and FURTHER.match(rest[0]):
        rest = [FURTHER.sub("", line) for line in rest]
    for line in rest:
        if not CONTINUED.search(typed[-1]):
            break
        typed.append(line)
    if not shell_tree.is_complete("\n".join(typed)):
        longer = list(typed)
        for line in rest[len(typed) - 1 :]:
            if PROMPT.match(line):
                break
            longer.append(line)
            if shell_tree.is_complete("\n".join(longer)):
                return longer
    return typed


def _laid_out(commands: Sequence[tuple[int, list[str]]], lines: Sequence[str]) -> str:
    """Return commands on the lines where they stand, and nothing in place of their output.

    What stands before the first prompt is no output, so it runs.
    """
    first = commands[0][0]
    left = [*lines[:first], *[""] * (len(lines) - first)]
    for number, typed in commands:
        left[number : number + len(typed)] = typed
    return "\n".join(left)


# --- blanks ----------------------------------------------------------------------------------


def _marked(source: str) -> tuple[str, list[str]]:
    """Put a word in place of each blank, so that a shell's grammar sees one."""
    texts: list[str] = []
    closed = set(re.findall(r"</([\w.-]+)>", source))  # XML and HTML

    def mark(match: re.Match[str]) -> str:
        inner = match[1]
        if inner.lower() in PRINTED or inner in closed or "://" in inner or FILE.fullmatch(inner):
            return match[0]
        texts.append(match[0])
        return _word(len(texts) - 1)

    return BLANK.sub(mark, source), texts


def _word(number: int) -> str:
    return f"sLipWay{number}bLaNk"


def _filled(source: str, texts: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Put a variable in place of each mark, quoted for where it stands."""
    used: dict[str, str] = {}
    names = _names(texts)
    contexts = shell_tree.contexts(source, [_word(n) for n in range(len(texts))]) if texts else {}
    for number, text in enumerate(texts):
        name, word = names[text], _word(number)
        match contexts.get(word):
            case "plain":
                used[name] = text
                source = source.replace(word, f'"${{{name}}}"')
            case "double":
                used[name] = text
                source = source.replace(word, f"${{{name}}}")
            case "single":
                used[name] = text
                source = source.replace(word, f"'\"${{{name}}}\"'")
            case _:  # a comment, or text that no shell looks into
                source = source.replace(word, text)
    return source, used


def _names(texts: Sequence[str]) -> dict[str, str]:
    """Return a variable for each text; those that differ in case alone share one."""
    names: dict[str, str] = {}
    for text in texts:
        name = re.sub(r"\W+", "_", text[1:-1]).strip("_").upper()[:LONGEST].strip("_")
        names[text] = f"THE_{name}" if RESERVED.fullmatch(name) else name
    return names
