"""What one cell leaves to the next: variables, functions, the folder, the shell's options."""

import json
import platform
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from slipway import whole_file
from slipway.errors import UNREADABLE, SlipwayError
from slipway.notebook.cells.mask import Mask

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# What a shell sets by itself, or what belongs to one cell alone.
_OWN_VARIABLES = re.compile(
    r"(?:__slipway_.*|BASH(?:_.*|OPTS|PID)?|COMP_.*|COMPREPLY|COPROC|DIRSTACK|EPOCH\w+|EUID|FUNCNAME"
    r"|GROUPS|HISTCMD|LINENO|OLDPWD|OPTARG|OPTERR|OPTIND|PIPESTATUS|PPID|PWD|RANDOM|READLINE_.*|REPLY"
    r"|RUNBOOK_CELL|SECONDS|SHELLOPTS|SHLVL|SRANDOM|UID|_)\Z"
)
# What it sets where the environment does not; None stands for any value.
_DEFAULTS: Mapping[str, str | None] = {
    "IFS": " \t\n",
    "PS4": "+ ",
    "HOSTNAME": platform.node(),
    "TERM": "dumb",
    **dict.fromkeys(("HOSTTYPE", "MACHTYPE", "OSTYPE", "LINES", "COLUMNS")),
}


@dataclass(frozen=True)
class CellState:
    """`text` is shell and holds no secret; `secret` is shell that no file may hold."""

    cwd: Path
    text: str = ""
    secret: str = ""
    unkept: tuple[str, ...] = ()

    def script(self) -> str:
        """Return the shell that brings it about, but for the folder."""
        return f"{self.text}{self.secret}"

    def extended(self, lines: Mapping[str, str], secret: Collection[str], cwd: Path) -> "CellState":
        """Return it with more shell behind it, by the name of what each line is about."""
        return CellState(
            cwd,
            self.text + "".join(line for name, line in lines.items() if name not in secret),
            self.secret + "".join(line for name, line in lines.items() if name in secret),
            tuple(sorted({*self.unkept, *secret})),
        )

    def write(self, path: Path) -> None:
        """Write down what may be written down, for its owner's eyes only, whole or not at all."""
        header = json.dumps({"cwd": str(self.cwd), "unkept": self.unkept})
        text = f"# {header}\n{self.text}"
        whole_file.write(path, text.encode(errors="surrogateescape"), mode=0o600)


def read(path: Path) -> CellState:
    """Read what was written down."""
    try:
        text = path.read_bytes().decode(errors="surrogateescape")
        head, _, body = text.partition("\n")
        header = json.loads(head.removeprefix("# "))
        return CellState(Path(header["cwd"]), body, unkept=tuple(header["unkept"]))
    except OSError as error:
        raise SlipwayError(f"{path}: the shell's state cannot be read: {error.strerror}") from None
    except UNREADABLE:
        raise SlipwayError(f"{path}: this is not a saved shell state; start another run") from None


def assignment(name: str, value: str, *, export: bool = False) -> str:
    """Return shell that gives a variable a value."""
    return f"{'export ' if export else ''}{name}={shlex.quote(value)}\n"


def from_bash(report: bytes, start: Mapping[str, str], mask: Mask) -> CellState | None:
    """Make a state of what script.SAVE wrote, without all that was so from the start.

    None when nothing was saved: the cell ended its shell in a way of its own, like `exec`.
    """
    parts = report.decode(errors="surrogateescape").split("\0")
    if len(parts) < 5 or parts[-2] != "end":
        return None
    cwd, umask, before, after = parts[:4]
    lines = {"umask": umask, "shopt": "".join(_options(before.split(":"), after.split(":")))}
    secret, seen = set[str](), set[str]()
    rest = iter(parts[4:-2])
    for kind, name, text, value in zip(rest, rest, rest, rest, strict=True):
        seen.add(name)
        if kind == "variable" and (not text or _is_unchanged(name, text, value[:-1], start)):
            continue
        label = f"{name}()" if kind == "function" else name
        lines[label] = text + value  # of a function the value is how to export it
        if kind == "variable":
            lines[label] = text
        if mask.hides(text) or mask.hides(value):
            secret.add(label)
    lines |= {name: f"unset -v {name}\n" for name in start if _is_gone(name, seen)}
    return CellState(Path("/")).extended(lines, secret, Path(cwd.removesuffix("\n")))


def _is_unchanged(name: str, text: str, value: str, start: Mapping[str, str]) -> bool:
    if _OWN_VARIABLES.match(name) or (name in _DEFAULTS and _DEFAULTS[name] in (None, value)):
        return True
    return start.get(name) == value and text.startswith("declare -x ")


def _is_gone(name: str, seen: Collection[str]) -> bool:
    return name not in seen and bool(NAME.match(name)) and not _OWN_VARIABLES.match(name)


def _options(before: Collection[str], after: Collection[str]) -> Iterator[str]:
    yield from (f"shopt -s {name}\n" for name in after if name not in before)
    yield from (f"shopt -u {name}\n" for name in before if name not in after)
