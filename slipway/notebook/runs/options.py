"""What the command line asked of a run, and whether a person sits there to be prompted."""

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
        choices = {"from": self.from_, "only": self.only, "section": self.section}
        words = [f"--{name}={value}" for name, value in choices.items() if value]
        if self.checks_only:
            words.append("--checks-only")
        return shlex.join(words)

    def within(self, scope: str) -> "RunOptions":
        """Return these options with the choice of cells of an earlier run."""
        choices: dict[str, str] = {}
        for word in shlex.split(scope):
            flag, _, value = word.partition("=")
            choices[flag] = value
        return replace(
            self,
            from_=self.from_ or choices.get("--from", ""),
            only=self.only or choices.get("--only", ""),
            section=self.section or choices.get("--section", ""),
            checks_only=self.checks_only or "--checks-only" in choices,
        )


@dataclass(frozen=True)
class Mode:
    """Whether a person at a terminal attends the run."""

    attended: bool

    @classmethod
    def detect(cls, environ: Mapping[str, str] = os.environ) -> "Mode":
        """Look at this process: a terminal in and out, and no sign of CI."""
        if environ.get("NO_TTY") or environ.get("CI", "").lower() in ("true", "1", "yes"):
            return cls(attended=False)
        return cls(attended=os.isatty(0) and os.isatty(1))
