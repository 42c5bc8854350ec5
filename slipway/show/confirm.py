"""The one question before something is destroyed or production changes, and the smaller one before
something is trusted."""

import sys

from slipway.environments import protection
from slipway.environments.protection import Deed, Guarded
from slipway.errors import Refused
from slipway.show.writer import tell


def ask(question: str) -> bool:
    """Ask a person yes or no; no where nobody sits at a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    tell(f"{question} [y/N] ", end="")
    return _answer().lower() in ("y", "yes")


def is_asked(env: Guarded, deed: Deed, yes: str) -> bool:
    """Whether a person will be asked for the environment's name now."""
    is_open = sys.stdin.isatty() and sys.stderr.isatty()
    return protection.asks(env, deed) and not yes and is_open


def by_name(env: Guarded | None, deed: Deed, what: str, yes: str = "", *, person: str = "") -> None:
    """Continue only where the table of protection allows it; None is the hacking loop.

    Where it asks, the environment's name has to be given with --yes, or be typed now; or that of a
    person, for what is done to them in all environments.
    """
    protection.check(env, deed)
    if not protection.asks(env, deed):
        return
    name = person or (env.name if env is not None else "dev")
    if yes == name:
        return
    if yes:
        kind = "person" if person else "environment"
        raise Refused(f"--yes={yes} is not the {kind}; to {what} give --yes={name}")
    if sys.stdin.isatty() and sys.stderr.isatty():
        tell(f"About to {what}. Type {name} to continue: ", end="")
        if _answer() == name:
            return
        raise Refused("nothing was changed")
    raise Refused(f"to {what} without a terminal, add --yes={name}")


def _answer() -> str:
    # What is no text in the terminal's encoding is no yes, and no reason for a traceback.
    return sys.stdin.buffer.readline().decode(errors="replace").strip()
