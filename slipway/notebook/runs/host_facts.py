"""Who runs a runbook, where, and from which state of the project: shown before the first cell."""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from slipway.environments.protection import DISPOSABLE
from slipway.errors import HostError, Refused
from slipway.hosts import git, person
from slipway.notebook.document import Runbook
from slipway.project import ROOT

AGREED = ("main", "master")  # the branches that a team works from, and its remote's own
# How many words stand before the path in a line of each kind.
FIELDS = {"1": 7, "2": 8, "u": 9, "?": 0}
STATUS = ["git", "--no-optional-locks", "status", "--porcelain=v2", "--branch"]
DEFAULT = ["git", "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]


@dataclass(frozen=True)
class HostFacts:
    """A person and a checkout; `commit` is "" where git names none, and `reason` says why."""

    user: str
    host: str
    email: str = ""
    commit: str = ""
    branch: str = ""  # "" when no branch is checked out
    changed: tuple[str, ...] = ()
    behind: int | None = 0  # commits that the remote had when it was last fetched; None: unknown
    reason: str = ""
    default: str = ""  # the branch that a clone of the remote begins on, where that is known
    remote: str = ""

    @property
    def dirty(self) -> bool:
        return bool(self.changed)

    @property
    def strayed(self) -> bool:
        """Whether another branch than an agreed one is checked out, or none."""
        return bool(self.commit) and self.branch not in (*AGREED, self.default or AGREED[0])


def look(root: Path = ROOT) -> HostFacts:
    """Ask the system and git; nothing is fetched."""
    with ThreadPoolExecutor(4) as pool:
        status = pool.submit(_git, root, STATUS)
        default = pool.submit(_git, root, DEFAULT)
        email = pool.submit(_git, root, ["git", "config", "user.email"])
        remotes = pool.submit(_git, root, ["git", "remote"])
        commit, branch, changed, behind = _parse_status(status.result())
        names = remotes.result().split()
        return HostFacts(
            user=person.user(),
            host=socket.gethostname(),
            email=email.result().strip(),
            commit=commit,
            branch=branch,
            changed=changed,
            behind=behind if branch and names else 0,
            reason="" if commit else git.why_no_commit(root) or "git does not tell its state",
            default=default.result().strip().removeprefix("origin/"),
            remote="origin" if "origin" in names else "".join(names[:1]),
        )


def warnings(host: HostFacts, runbook: Runbook) -> list[str]:
    """Return what a person should know before the first cell; nothing when all is as agreed."""
    if not (runbook.native or runbook.path.resolve().is_relative_to(ROOT)):
        return []  # it comes from elsewhere, and so may what it works on
    if not host.commit:
        return [f"what ran cannot be traced later: {host.reason}"]
    texts = []
    if host.changed:
        names = ", ".join(host.changed[:3])
        more = f" and {len(host.changed) - 3} more" if len(host.changed) > 3 else ""
        texts.append(f"not committed: {names}{more}")
    if host.behind:
        commits = "1 commit" if host.behind == 1 else f"{host.behind} commits"
        texts.append(f"{commits} behind the remote; {runbook.name} may have changed: git pull")
    if host.strayed:
        where = f"on {host.branch}" if host.branch else "on no branch"
        texts.append(f"{where}, not on {host.default or AGREED[0]}")
    elif host.behind is None:
        texts.append(
            f"{host.branch} follows no branch of {host.remote} that is there, so whether it is "
            "behind is unknown"
        )
    return texts


def refuse_unagreed(host: HostFacts, runbook: Runbook, env: str) -> None:
    """Raise Refused where a risky runbook would run on what is not the team's common state."""
    if runbook.matter.risk != "high" or not env or env in DISPOSABLE:
        return
    if not host.commit:
        raise Refused(
            f"{runbook.name} is of high risk and {env} is real, but from which state of the "
            f"project it would run cannot be told: {host.reason}. Nothing was run"
        )
    if not (host.dirty or host.behind != 0 or host.strayed):
        return
    reasons = "; ".join(warnings(host, runbook))
    commands = []
    if host.dirty:
        commands.append("git stash --include-untracked (or commit)")
    if host.strayed:
        commands.append(f"git switch {host.default or AGREED[0]}")
    elif host.behind is None:
        upstream = f"{host.remote}/{host.branch}"
        commands += [f"git fetch {host.remote}", f"git branch --set-upstream-to={upstream}"]
    if host.behind:
        commands.append("git pull")
    raise Refused(
        f"{runbook.name} is of high risk and {env} is real, but this checkout is not what the "
        f"team agreed on: {reasons}. Nothing was run; first type: {', then '.join(commands)}"
    )


def _git(root: Path, argv: list[str]) -> str:
    try:
        result = git.at(root).run(argv, timeout=20, check=False)
    except HostError:
        return ""  # no git here, or one that does not answer
    return result.out if result.code == 0 else ""


def _parse_status(status: str) -> tuple[str, str, tuple[str, ...], int | None]:
    """Read commit, branch, changed files and how far it is behind (git-status(1), version 2)."""
    commit, branch = "", ""
    behind: int | None = None  # there is no line of it where it follows none, or one that is gone
    changed: list[str] = []
    for line in status.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "#":
            name, _, value = rest.partition(" ")
            if name == "branch.oid" and value != "(initial)":
                commit = value
            elif name == "branch.head" and value != "(detached)":
                branch = value
            elif name == "branch.ab":
                behind = int(value.rpartition("-")[2])
        elif kind in FIELDS:
            changed.append(rest.split(" ", FIELDS[kind])[-1].partition("\t")[0])
    return commit, branch, tuple(changed), behind
