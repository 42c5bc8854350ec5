"""Shell scripts beside the modules that run them, so that a linter and an editor see them."""

from pathlib import Path


def read(module: str, name: str) -> str:
    """Return the text of a script beside a module: `read(__file__, "lease_acquire.sh")`."""
    return Path(module).with_name(name).read_text(encoding="utf-8")
