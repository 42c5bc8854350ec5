"""What an audit finds: how bad it is, what it is, and what mends it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum


class Severity(IntEnum):
    """How bad: a way in, a way further, or something that would make one harder."""

    HIGH = 0
    MEDIUM = 1
    LOW = 2

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be; `check` is its name for scripts."""

    severity: Severity
    check: str
    finding: str
    remedy: str
    machine: str = ""


def of(machine: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings as those of a machine."""
    return (replace(each, machine=machine) for each in findings)


def high(check: str, finding: str, remedy: str) -> Finding:
    """A way in, or to root."""
    return Finding(Severity.HIGH, check, finding, remedy)


def medium(check: str, finding: str, remedy: str) -> Finding:
    """A way further for somebody who is in."""
    return Finding(Severity.MEDIUM, check, finding, remedy)


def low(check: str, finding: str, remedy: str) -> Finding:
    """What would make it harder."""
    return Finding(Severity.LOW, check, finding, remedy)
