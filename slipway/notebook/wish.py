"""What the command line asked of a run, and whether a person sits there to be asked back."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Wish:
    """Which part of a runbook is to run, and which answers were given beforehand."""

    from_: str = ""
    only: str = ""
    section: str = ""
    checks_only: bool = False
    dry_run: bool = False
    yes: bool = False
    yes_destroy: str = ""
    manual_done: bool = False

    @property
    def part(self) -> dict[str, Any]:
        """The choice of cells as a record keeps it, so that a resumed run keeps to it."""
        keys = ("from_", "only", "section", "checks_only")
        return {key: value for key, value in asdict(self).items() if key in keys and value}

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the runbook is left out on purpose."""
        return not self.part


@dataclass(frozen=True)
class Mode:
    """How a run speaks: with a person at a terminal, or with nobody."""

    person: bool

    @classmethod
    def here(cls, environ: Mapping[str, str] = os.environ) -> "Mode":
        """Look at this process: a terminal in and out, and no sign of CI."""
        if environ.get("NO_TTY") or environ.get("CI", "").lower() in ("true", "1", "yes"):
            return cls(person=False)
        return cls(person=os.isatty(0) and os.isatty(1))
