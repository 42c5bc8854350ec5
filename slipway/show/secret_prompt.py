"""Asks for the value of a secret: at a terminal without showing it, else read from a pipe."""

import base64
import getpass
import sys
from pathlib import Path

from slipway.errors import Refused, UsageError
from slipway.secrets.secret import Secret
from slipway.show.writer import harmless, tell

BINARY = "say type: binary in its rule in compose/settings.yml"
ENDS = ("\r\n", "\n")


def is_somebody_there(*, also_reading: bool = False) -> bool:
    """Whether a person sits at the terminal, and with `also_reading` sees what is printed."""
    is_there = sys.stdin.isatty() and sys.stderr.isatty()
    return is_there and (sys.stdout.isatty() or not also_reading)


def ask(what: str, *, is_binary: bool = False) -> Secret:
    """Ask for a value, or read all of stdin. Raises UsageError for an empty one."""
    if is_somebody_there() and is_binary:
        raise UsageError(f"{what} is binary; give it with --from-file, or through stdin")
    if is_somebody_there():
        value = typed(what)
    else:
        value = _read(sys.stdin.buffer.read(), "what came through stdin", is_binary=is_binary)
        value = value if is_binary else Secret(_without_end(value.reveal()))
    if value == Secret(""):
        raise UsageError(f"{what} is empty; nothing was changed")
    return value


def from_file(file: Path, what: str, *, is_binary: bool = False) -> Secret:
    """Read a value from a file, all of its bytes. Raises UsageError for what is no text."""
    value = _read(file.read_bytes(), file.name, is_binary=is_binary)
    text = value.reveal()
    if text.endswith("\n") and text.count("\n") == 1:
        tell(f"{file.name} ends with a line end, which {what} has too; without it: --name=… <FILE")
    return value


def _read(data: bytes, source: str, *, is_binary: bool) -> Secret:
    if is_binary:
        return Secret(base64.b64encode(data).decode())
    try:
        return Secret(data.decode())
    except UnicodeDecodeError:
        raise UsageError(f"{source} is no UTF-8 text; {BINARY}") from None


def typed(what: str) -> Secret:
    """Ask at the terminal; what is typed is not shown. Empty where nothing is."""
    try:
        return Secret(getpass.getpass(f"{harmless(what)} (not shown): ", stream=sys.stderr))
    except EOFError:
        raise Refused("nothing was typed; nothing was changed") from None


def _without_end(text: str) -> str:
    """Leave the end of the last line out, which echo and editors put there."""
    return next((text.removesuffix(end) for end in ENDS if text.endswith(end)), text)
