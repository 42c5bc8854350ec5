"""What the bash of a cell is told before and after it, in words that bash 3.2 knows too."""

import shlex
from collections.abc import Callable, Sequence
from typing import Literal

from slipway import shell_scripts

Kind = Literal["cell", "test", "python", "values"]

# Bash names an error by $0 and the line; so $0 is the runbook, and the cell's text is evaluated
# behind as many empty lines as stand before it there. No argument holds its text: that is read
# from a descriptor, which bash 3.2 cannot do with `.`.
_MAIN = (
    "__slipway_out={1}; if ((BASH_VERSINFO > 3)); then . /dev/fd/{0}; "
    'else eval "$(cat <&{0})"; fi; exec {0}<&-; {2}'
)
_NEWLINE = "\n"
_CELL = 'set -euo pipefail; eval "$__slipway_cell"; __slipway_end $?'
_TEST = 'set -uo pipefail; eval "$__slipway_cell"; printf %s $? >&$__slipway_out'
_VALUES = ""  # what it is given says all
_PYTHON = 'exec "${__slipway_python[@]}" "$__slipway_out"'

_SAVE = shell_scripts.read(__file__, "script_save.sh")
_OPTIONS = "__slipway_options=${BASHOPTS-}\n"  # as they are before the state is taken up
_SURVIVE = "trap '' HUP\n"  # what it leaves behind outlives its terminal
_STOP = "trap 'builtin exit 130' INT\n"  # else it continues when a command takes Ctrl-C well


_SHOW = shell_scripts.read(__file__, "script_show.sh")
_LOOK = r"""
for __slipway_each in {}; do
  if [ -n "${{!__slipway_each+set}}" ]; then
    builtin printf '%s\0%s\0' "$__slipway_each" "${{!__slipway_each}}" >&$__slipway_out
  fi
done
"""


def cell(state: str, source: str, line: int, *, terminal: bool, interactive: bool) -> str:
    """Return what the bash of a cell reads first; `line` is the one its source stands below."""
    text = f"unset -v __slipway_cell{_NEWLINE * line}{source}"
    traps = "" if interactive else _STOP + (_SURVIVE if terminal else "")
    return f"{_OPTIONS}{state}{_SAVE}{traps}__slipway_cell={shlex.quote(text)}\n"


def test(state: str, condition: str) -> str:
    """Return what the bash of a test reads first."""
    return f"{state}__slipway_cell={shlex.quote(condition)}\n"


def values(state: str, names: Sequence[str]) -> str:
    """Return what the bash reads that reports variables, each name before its value."""
    return f"{state}{_LOOK.format(shlex.join(names))}"


def python(state: str, argv: Sequence[str], *, terminal: bool, interactive: bool) -> str:
    """Return what the bash reads first that becomes the Python of a cell."""
    traps = _SURVIVE if terminal and not interactive else ""
    return f"{state}{_SHOW}{traps}__slipway_python=({shlex.join(argv)})\n"


def bash(name: str, kind: Kind) -> Callable[[int, int], list[str]]:
    """Return how to start the bash that reads it, once its descriptors are known."""
    then = {"cell": _CELL, "test": _TEST, "python": _PYTHON, "values": _VALUES}[kind]

    def argv(script_fd: int, report_fd: int) -> list[str]:
        return [
            "bash",
            "--noprofile",
            "--norc",
            "-c",
            _MAIN.format(script_fd, report_fd, then),
            name,
        ]

    return argv
