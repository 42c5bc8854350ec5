"""Cases of a peer next to what is read here: what differs, what is declared, how much agrees."""

import sys
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Comparison:
    """Counts cases; prints those that differ and are not declared to."""

    agree: int = 0
    differ: int = 0
    declared: Counter[str] = field(default_factory=Counter)

    def add(self, case: str, ours: object, theirs: object, declared: str = "") -> None:
        """Compare one case; `declared` is why it is meant to differ, which it then has to."""
        if (ours == theirs) is not bool(declared):
            self.agree += not declared
            self.declared.update([declared] if declared else [])
            return
        self.differ += 1
        verdict = f"agrees, though declared: {declared}" if declared else "differs"
        _print(f"{case}: {verdict}\n  here {ours!r}\n  peer {theirs!r}")

    def finish(self) -> int:
        """Print the counts; 1 where a case differs."""
        for reason, count in sorted(self.declared.items()):
            _print(f"{count:5} declared: {reason}")
        total = self.agree + self.differ + self.declared.total()
        _print(f"{self.agree} of {total} cases agree, {self.declared.total()} differ as declared")
        return 1 if self.differ or not total else 0


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
