"""The git commit a release is made from, and whether the tree has changes on top of it."""

from dataclasses import dataclass

from slipway.errors import CommandFailed, Refused
from slipway.hosts import git

UNVERSIONED = "unversioned"
SHOWN = 3


@dataclass(frozen=True)
class Commit:
    """A commit and the files that differ from it."""

    sha: str
    changed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The commit as a release names it; a dirty tree is never passed off as the commit."""
        return f"{self.sha}+dirty" if self.changed else self.sha


def short(name: str) -> str:
    """Return a commit's name as people read it: `1f0c2ab`, `1f0c2ab+dirty`."""
    sha, plus, dirty = name.partition("+")
    return f"{sha[:7]}{plus}{dirty}"


def read() -> Commit:
    """Ask git; a folder that is no checkout has no commit."""
    host = git.at()
    argv = ["git", "--no-optional-locks", "status", "--porcelain", "--branch"]
    try:
        sha = host.run(["git", "rev-parse", "--verify", "HEAD"], timeout=20).out.strip()
        lines = host.run([*argv, "--untracked-files=normal"], timeout=60).out.splitlines()
    except CommandFailed:
        return Commit(UNVERSIONED)
    return Commit(sha, tuple(line[3:] for line in lines if not line.startswith("##")))


def demand_clean(commit: Commit, environment: str) -> None:
    """Raise Refused unless the release can be found again in git."""
    if commit.sha == UNVERSIONED:
        reason = git.why_no_commit() or "git does not tell what is not committed"
        raise Refused(f"what {environment} runs could not be found again: {reason}")
    if commit.changed:
        names = ", ".join(commit.changed[:SHOWN])
        more = f" and {len(commit.changed) - SHOWN} more" if len(commit.changed) > SHOWN else ""
        raise Refused(
            f"not committed: {names}{more}. Commit or stash, or deploy the tree as it is: "
            f"inv deploy --env={environment} --dirty"
        )
