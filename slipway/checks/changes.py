"""What differs here from where this branch began: committed, not committed, or not yet in git."""

from dataclasses import dataclass

from slipway.errors import CommandFailed, UsageError
from slipway.hosts.host import Host

MAIN = ("main", "master")


@dataclass(frozen=True)
class Changes:
    """Paths that differ from a commit, and all paths that there are or were."""

    since: str  # the commit, empty when there is none to compare with
    paths: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def read(host: Host, revision: str = "") -> Changes:
    """Compare the checkout with the merge base of HEAD and a revision, by default of main.

    On main itself it is compared with what main follows, or with HEAD. Raises UsageError for a
    revision that git does not know.
    """
    known = revision or next(iter(_candidates(host)), "")
    since = _line(host, "merge-base", "HEAD", known) if known else ""
    if revision and not since:
        raise UsageError(f"--changed: HEAD has no ancestor {revision[:60]!a}")
    if not since:
        return Changes("")
    try:
        changed = _paths(host, "diff", "--name-only", "--no-renames", "-z", since, "--")
        fresh = _paths(host, "ls-files", "--others", "--exclude-standard", "-z")
        tracked = _paths(host, "ls-files", "-z")
    except CommandFailed:
        return Changes("")
    return Changes(
        since, tuple(sorted({*changed, *fresh})), tuple(sorted({*tracked, *fresh, *changed}))
    )


def _candidates(host: Host) -> list[str]:
    """Return where this branch may have begun, the likeliest first."""
    names = [f"refs/heads/{name}" for name in MAIN]
    names += [f"refs/remotes/origin/{name}" for name in MAIN]
    if _line(host, "rev-parse", "--abbrev-ref", "HEAD") in MAIN:
        names = ["@{upstream}", "HEAD"]
    return [name for name in names if _line(host, "rev-parse", "--verify", "--quiet", name)]


def _line(host: Host, *words: str) -> str:
    result = host.run(["git", *words], timeout=60, check=False)
    return "" if result.code else result.out.strip()


def _paths(host: Host, *words: str) -> list[str]:
    return [path for path in host.run(["git", *words], timeout=60).out.split("\0") if path]
