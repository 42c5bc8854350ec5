"""What became of each request, and what a whole run adds up to."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Record:
    """One request. Times are of the clock CLOCK_MONOTONIC, which all processes share.

    `resent` tells that a kept connection was found closed before any answer and the request went
    out once more on a new one, as every browser does.
    """

    url: str
    kind: str
    began: float
    ended: float
    status: int
    release: str
    resent: bool
    error: str

    @property
    def failed(self) -> bool:
        return self.status != 200 or bool(self.error)

    def to_line(self) -> str:
        times = f"{self.began:.6f}\t{self.ended:.6f}"
        return (
            f"{self.url}\t{self.kind}\t{times}\t{self.status}\t{self.release}\t"
            f"{int(self.resent)}\t{self.error}\n"
        )

    @classmethod
    def from_line(cls, line: str) -> "Record":
        url, kind, began, ended, status, release, resent, error = line.rstrip("\n").split("\t")
        times = float(began), float(ended)
        return cls(url, kind, *times, int(status), release, resent == "1", error)


class Run:
    """All records of a run, in the order in which they ended."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records

    @classmethod
    def read(cls, path: Path) -> "Run":
        with path.open() as file:
            return cls([Record.from_line(line) for line in file])

    @property
    def failed(self) -> list[Record]:
        return [record for record in self.records if record.failed]

    @property
    def resent(self) -> int:
        return sum(record.resent for record in self.records)

    def releases(self, since: float = 0.0) -> set[str]:
        """Name the releases that answered requests begun after a moment."""
        return {r.release for r in self.records if r.began >= since and not r.failed}

    def summary(self) -> str:
        """Say in a few lines what happened, the failures by cause."""
        times = sorted(record.ended - record.began for record in self.records)
        kinds = Counter(record.kind for record in self.records)
        lines = [
            f"{len(self.records)} requests, {len(self.failed)} failed, {self.resent} sent again",
            "kinds: " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())),
            "releases: " + _counts(record.release or "none" for record in self.records),
        ]
        if times:
            named = ((50, "median"), (99, "99 %"), (100, "slowest"))
            shown = (f"{name} {times[_at(times, p)] * 1000:.0f} ms" for p, name in named)
            lines.append("times: " + ", ".join(shown))
        if self.failed:
            lines.append("failures: " + _counts(_cause(record) for record in self.failed))
            lines += [f"  {record.to_line().rstrip()}" for record in self.failed[:5]]
        return "\n".join(lines)


def _cause(record: Record) -> str:
    return f"{record.kind} {record.error or record.status}"


def _counts(words: Iterable[str]) -> str:
    return ", ".join(f"{word} {count}" for word, count in sorted(Counter(words).items()))


def _at(values: Sequence[float], percent: int) -> int:
    return min(len(values) - 1, len(values) * percent // 100)
