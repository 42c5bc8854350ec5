"""Commands after which a reader types elsewhere: `ssh m1`, `oc debug node/m1`.

In a runbook that people typed from, what stands below such a line was meant for the shell that it
opens. On this computer it would do something else, or worse.
"""

import shlex
from collections.abc import Sequence
from dataclasses import replace

from slipway.notebook.document import Cell

ATTACHED = {"-it", "-ti", "-i", "-t", "--tty", "--stdin"}
SHELLS = {"sh", "bash", "zsh", "ash", "dash", "/bin/sh", "/bin/bash"}
CLUSTERS = {"oc", "kubectl"}
CONTAINERS = {*CLUSTERS, "docker", "podman", "nerdctl", "crictl"}
# Options of ssh that take a value as the next word (ssh(1)).
SSH_VALUES = set("BbcDEeFIiJLlmOopQRSWw")


def opening_line(cell: Cell) -> int:
    """Return the line of a cell after which one types elsewhere, counted from 1; 0 without one."""
    if cell.native or cell.language != "sh":
        return 0
    lines = cell.source.split("\n")
    for number, line in enumerate(lines, start=1):
        rest = [each for each in lines[number:] if each.strip() and each.lstrip()[0] != "#"]
        if rest and _opens_shell(_words(line)):
            return number
    return 0


def part_that_runs(cell: Cell) -> Cell:
    """Return a cell without what is to be typed elsewhere."""
    number = opening_line(cell)
    if not number:
        return cell
    return replace(cell, source="\n".join(cell.source.split("\n")[:number]) + "\n")


def _opens_shell(words: Sequence[str]) -> bool:
    if words[:1] == ["sudo"]:
        words = words[1:]
        if words[:1] in (["-i"], ["-s"]):
            return len(words) == 1
    if not words:
        return False
    command, rest = words[0], list(words[1:])
    before, inner = _divided(rest)
    if command == "ssh":
        return len(_operands(rest)) == 1
    if command in CLUSTERS and "debug" in before:
        return not inner or inner[-1] in SHELLS
    if command in CLUSTERS and "rsh" in before:
        return not inner
    if command in CONTAINERS and {"exec", "run"} & set(before):
        return bool(ATTACHED & set(before)) and rest[-1] in SHELLS
    if command == "chroot":
        return len(rest) == 1 or rest[-1] in SHELLS
    return (command == "su" and "-c" not in rest) or (command in SHELLS and not rest)


def _divided(words: list[str]) -> tuple[list[str], list[str]]:
    """Divide at --, behind which a command stands."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def _operands(words: Sequence[str]) -> list[str]:
    """Return what is no option of ssh and no value of one."""
    operands: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-") and not operands:
            skip = len(word) == 2 and word[1] in SSH_VALUES
        else:
            operands.append(word)
    return operands


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:  # a quote that another line closes
        return []
