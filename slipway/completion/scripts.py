"""The scripts that make bash, zsh and fish ask a project at TAB; the same for every project."""

from pathlib import Path

from slipway.errors import UsageError

FOLDER = Path(__file__).parent
SHELLS = ("bash", "zsh", "fish")


def read(shell: str) -> str:
    """Return the script for a shell. Raises UsageError for another."""
    if shell not in SHELLS:
        raise UsageError(f"--shell is one of {', '.join(SHELLS)}")
    return (FOLDER / f"inv.{shell}").read_text(encoding="utf-8").rstrip("\n")
