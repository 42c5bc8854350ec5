"""The commits between two releases, as git's log has them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from slipway.errors import CommandFailed
from slipway.hosts import git
from slipway.hosts.local import LocalHost

MOST = 20
NAME = re.compile(r"[0-9a-f]{7,64}")
UNKNOWN = "the commit that serves is not in this checkout: git fetch"


@dataclass(frozen=True)
class CommitRange:
    """Commits that one release has and another had not, newest first; `count` may be more than
    are listed. `removed` are those that the older one had and the newer has not; `note` says why
    nothing can be told."""

    lines: Sequence[str] = ()
    count: int = 0
    removed: Sequence[str] = ()
    removed_count: int = 0
    note: str = ""

    @property
    def sentences(self) -> list[str]:
        """Say it in lines: `+` is new, `-` is taken out."""
        if self.note:
            return [self.note]
        lines = []
        for sign, shown, count in (
            ("+", self.lines, self.count),
            ("-", self.removed, self.removed_count),
        ):
            lines += [f"{sign} {line}" for line in shown]
            if count > len(shown):
                lines.append(f"{sign} and {count - len(shown)} more")
        return lines


def read(old: str, new: str, host: LocalHost | None = None) -> CommitRange:
    """Ask git for the commits between what two releases name; a dirty tree counts as its commit."""
    there = host or git.at()
    before, after = (name.partition("+")[0] for name in (old, new))
    if before == after:
        return CommitRange()
    if not (NAME.fullmatch(before) and NAME.fullmatch(after)):  # or git could take it for a flag
        return CommitRange(note=UNKNOWN)
    try:
        added, count = _log(there, before, after)
        removed, removed_count = _log(there, after, before)
    except CommandFailed:
        return CommitRange(note=UNKNOWN)
    return CommitRange(added, count, removed, removed_count)


def _log(host: LocalHost, excluded: str, included: str) -> tuple[list[str], int]:
    span = f"{excluded}..{included}"
    argv = [
        "git",
        "log",
        "--no-decorate",
        f"--max-count={MOST}",
        "--format=%h %s (%an)",
        span,
        "--",
    ]
    lines = host.run(argv, timeout=20).out.splitlines()
    if len(lines) < MOST:
        return lines, len(lines)
    counted = host.run(["git", "rev-list", "--count", span, "--"], timeout=20)
    return lines, int(counted.out)
