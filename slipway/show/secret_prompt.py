"""Asks for the value of a secret: at a terminal without showing it, else read from a pipe."""

import getpass
import sys
from pathlib import Path

from slipway.errors import Refused, UsageError
from slipway.secrets.secret import Secret
from slipway.show.writer import harmless, tell

BINARY = "keep it as base64, and have the service decode it"
ENDS = ("\r\n", "\n")


def is_somebody_there(*, also_reading: bool = False) -> bool:
    """Whether a person sits at the terminal, and with `also_reading` sees what is printed."""
    is_there = sys.stdin.isatty() and sys.stderr.isatty()
    return is_there and (sys.stdout.isatty() or not also_reading)


def ask(what: str) -> Secret:
    """Ask for a value, or read all of stdin. Raises UsageError for an empty one."""
    if is_somebody_there():
        value = typed(what)
    else:
        data = sys.stdin.buffer.read()
        try:
            value = Secret(_without_end(data.decode()))
        except UnicodeDecodeError:
            raise UsageError(f"what came through stdin is no UTF-8 text; {BINARY}") from None
    if value == Secret(""):
        raise UsageError(f"{what} is empty; nothing was changed")
    return value


def from_file(file: Path, what: str) -> Secret:
    """Read a value from a file, all of its bytes. Raises UsageError for what is no text."""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError:
        raise UsageError(f"{file.name} is no UTF-8 text; {BINARY}") from None
    if text.endswith("\n") and text.count("\n") == 1:
        tell(f"{file.name} ends with a line end, which {what} has too; without it: --name=… <FILE")
    return Secret(text)


def typed(what: str) -> Secret:
    """Ask at the terminal; what is typed is not shown. Empty where nothing is."""
    try:
        return Secret(getpass.getpass(f"{harmless(what)} (not shown): ", stream=sys.stderr))
    except EOFError:
        raise Refused("nothing was typed; nothing was changed") from None


def _without_end(text: str) -> str:
    """Leave the end of the last line out, which echo and editors put there."""
    return next((text.removesuffix(end) for end in ENDS if text.endswith(end)), text)
