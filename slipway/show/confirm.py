"""The one question before something is destroyed, and the smaller one before it is trusted."""

import sys

from slipway.errors import Refused


def ask(question: str) -> bool:
    """Ask a person yes or no; no where nobody sits at a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return _answer().lower() in ("y", "yes")


def destruction(env: str, what: str, yes: str = "") -> None:
    """Go on only when the environment's name was given with --yes or is typed now."""
    if yes == env:
        return
    if yes:
        raise Refused(f"--yes={yes} is not the environment; to {what} give --yes={env}")
    if sys.stdin.isatty() and sys.stderr.isatty():
        print(f"About to {what}. Type {env} to go on: ", end="", file=sys.stderr, flush=True)
        if _answer() == env:
            return
        raise Refused("nothing was changed")
    raise Refused(f"to {what} without a terminal, add --yes={env}")


def _answer() -> str:
    # What is no text in the terminal's encoding is no yes, and no reason for a traceback.
    return sys.stdin.buffer.readline().decode(errors="replace").strip()
