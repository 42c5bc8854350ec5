"""What the command line asked of a run, and whether a person sits there to be asked back."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class RunOptions:
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
    def scope(self) -> str:
        """The choice of cells as it was typed, so that a resumed run keeps to it; "" for all."""
        given = {"from": self.from_, "only": self.only, "section": self.section}
        words = [f"--{name}={value}" for name, value in given.items() if value]
        return shlex.join([*words, *(["--checks-only"] if self.checks_only else [])])

    def within(self, scope: str) -> "RunOptions":
        """Return this wish with the choice of cells of an earlier one."""
        found = {word.partition("=")[0]: word.partition("=")[2] for word in shlex.split(scope)}
        return replace(
            self,
            from_=self.from_ or found.get("--from", ""),
            only=self.only or found.get("--only", ""),
            section=self.section or found.get("--section", ""),
            checks_only=self.checks_only or "--checks-only" in found,
        )


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
