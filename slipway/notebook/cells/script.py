"""What the bash of a cell is told before and after it, in words that bash 3.2 knows too."""

import shlex
from collections.abc import Callable, Sequence
from typing import Literal

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

# Each variable as bash declares it and as it is; each function. Told apart by NUL, which none has.
# `exit` is a function here so that a cell that ends with `exit 0` leaves its state all the same.
_SAVE = r"""
__slipway_save() {
  { set +euxvf; set +o posix; } 2>/dev/null
  trap - DEBUG ERR RETURN
  {
    builtin pwd; builtin printf '\0'; umask -p; builtin printf '\0'
    builtin printf '%s\0%s\0' "$__slipway_options" "${BASHOPTS-}"
    builtin printf 'variable\0IFS\0'; declare -p IFS; builtin printf '\0%s\n\0' "${IFS-}"
    local IFS=$'\n' __slipway_each __slipway_values
    for __slipway_each in $(compgen -v; declare -F); do
      case $__slipway_each in
        IFS | __slipway_*) ;;
        'declare -'*' __slipway_'* | 'declare -f exit') ;;
        'declare -'*)
          builtin printf 'function\0%s\0' "${__slipway_each##* }"
          declare -f -- "${__slipway_each##* }"; builtin printf '\0'
          case $__slipway_each in
            'declare -fx'*) builtin printf 'export -f %s\n' "${__slipway_each##* }" ;;
          esac
          builtin printf '\0' ;;
        *)
          __slipway_values="$__slipway_each[@]"
          builtin printf 'variable\0%s\0' "$__slipway_each"
          declare -p "$__slipway_each"; builtin printf '\0'
          builtin printf '%s\n' "${!__slipway_values}"; builtin printf '\0' ;;
      esac
    done
    builtin printf 'end\0'
  } >&$__slipway_out 2>/dev/null
}
__slipway_end() {
  if [ "$1" = 0 ]; then __slipway_save; fi
  builtin exit "$1"
}
exit() {
  if [ "${1-$?}" = 0 ] && [ "$BASH_SUBSHELL" = 0 ]; then __slipway_save; fi
  builtin exit "$@"
}
"""
_OPTIONS = "__slipway_options=${BASHOPTS-}\n"  # as they are before the state is taken up
_SURVIVE = "trap '' HUP\n"  # what it leaves behind outlives its terminal
_STOP = "trap 'builtin exit 130' INT\n"  # else it goes on when a command takes Ctrl-C well


# To Python every variable is there, exported or not; but for what no process can be given.
_SHOW = r"""
__slipway_show() {
  local IFS=$'\n' __slipway_each __slipway_value
  for __slipway_each in $(compgen -v); do
    case $__slipway_each in
      BASH* | COMP_* | DIRSTACK | EPOCH* | EUID | FUNCNAME | GROUPS | HISTCMD | HOSTTYPE | IFS) ;;
      LINENO | MACHTYPE | OPTARG | OPTERR | OPTIND | OSTYPE | PIPESTATUS | PPID | PS4 | RANDOM) ;;
      SECONDS | SHELLOPTS | SRANDOM | UID | _ | __slipway_*) ;;
      *)
        __slipway_value=${!__slipway_each-}
        if ((${#__slipway_value} < 30000)); then export "$__slipway_each"; fi ;;
    esac
  done
}
__slipway_show
"""
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

    def argv(given: int, report: int) -> list[str]:
        return ["bash", "--noprofile", "--norc", "-c", _MAIN.format(given, report, then), name]

    return argv
