"""Who runs a runbook, where, and from which state of the project: shown before the first cell."""

import getpass
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from slipway.environments.protection import DISPOSABLE
from slipway.errors import HostError, Refused
from slipway.hosts.local import LocalHost
from slipway.notebook.document import Runbook
from slipway.project import ROOT

AGREED = ("main", "master")  # the branches that a team works from, and its remote's own
# How many words stand before the path in a line of each kind.
FIELDS = {"1": 7, "2": 8, "u": 9, "?": 0}
STATUS = ["git", "--no-optional-locks", "status", "--porcelain=v2", "--branch"]
DEFAULT = ["git", "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]


@dataclass(frozen=True)
class HostFacts:
    """A person and a checkout; `commit` is "" where there is no git repository."""

    user: str
    host: str
    email: str = ""
    commit: str = ""
    branch: str = ""  # "" when no branch is checked out
    changed: tuple[str, ...] = ()
    behind: int = 0  # commits that the remote had when it was last fetched
    default: str = ""  # the branch that a clone of the remote begins on, where that is known

    @property
    def dirty(self) -> bool:
        return bool(self.changed)

    @property
    def strayed(self) -> bool:
        """Whether another branch than an agreed one is checked out, or none."""
        return bool(self.commit) and self.branch not in (*AGREED, self.default or AGREED[0])


def look(root: Path = ROOT) -> HostFacts:
    """Ask the system and git; nothing is fetched, and no repository at all is fine."""
    with ThreadPoolExecutor(3) as pool:
        status = pool.submit(_git, root, STATUS)
        default = pool.submit(_git, root, DEFAULT)
        email = pool.submit(_git, root, ["git", "config", "user.email"])
        commit, branch, changed, behind = _read(status.result())
        mail = email.result().strip()
        main = default.result().strip().removeprefix("origin/")
        who, host = user(), socket.gethostname()
        return HostFacts(who, host, mail, commit, branch, changed, behind, main)


def user() -> str:
    """Return who is logged in; a number where the system has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def complaints(here: HostFacts, runbook: Runbook) -> list[str]:
    """Say what a person should know before the first cell; nothing when all is as agreed."""
    if not here.commit:
        return ["this folder is no git checkout with a commit: nobody can tell later what ran"]
    found = []
    if here.changed:
        names = ", ".join(here.changed[:3])
        more = f" and {len(here.changed) - 3} more" if len(here.changed) > 3 else ""
        found.append(f"not committed: {names}{more}")
    if here.behind:
        commits = "1 commit" if here.behind == 1 else f"{here.behind} commits"
        found.append(f"{commits} behind the remote; {runbook.name} may have changed: git pull")
    if here.strayed:
        where = f"on {here.branch}" if here.branch else "on no branch"
        found.append(f"{where}, not on {here.default or AGREED[0]}")
    return found


def demand(here: HostFacts, runbook: Runbook, env: str) -> None:
    """Raise Refused where a risky runbook would run on what is not the team's common state."""
    if runbook.matter.risk != "high" or not env or env in DISPOSABLE:
        return
    if not (here.dirty or here.behind or here.strayed):
        return
    wrong = "; ".join(complaints(here, runbook))
    way = ["git stash --include-untracked (or commit)"] if here.dirty else []
    way += [f"git switch {here.default or AGREED[0]}"] if here.strayed else []
    way += ["git pull"] if here.behind else []
    raise Refused(
        f"{runbook.name} is of high risk and {env} is real, but this checkout is not what the "
        f"team agreed on: {wrong}. Nothing was run; first type: {', then '.join(way)}"
    )


def _git(root: Path, argv: list[str]) -> str:
    try:
        done = LocalHost(cwd=root).run(argv, timeout=20, check=False)
    except HostError:
        return ""  # no git here, or one that does not answer
    return done.out if done.code == 0 else ""


def _read(status: str) -> tuple[str, str, tuple[str, ...], int]:
    """Read commit, branch, changed files and how far it is behind (git-status(1), version 2)."""
    commit, branch, behind = "", "", 0
    changed: list[str] = []
    for line in status.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "#":
            name, _, value = rest.partition(" ")
            commit = value if name == "branch.oid" and value != "(initial)" else commit
            branch = value if name == "branch.head" and value != "(detached)" else branch
            behind = int(value.rpartition("-")[2]) if name == "branch.ab" else behind
        elif kind in FIELDS:
            changed.append(rest.split(" ", FIELDS[kind])[-1].partition("\t")[0])
    return commit, branch, tuple(changed), behind
