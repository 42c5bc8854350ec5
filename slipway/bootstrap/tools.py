"""The programs a developer's computer has from its system besides the engine: git, ssh, age."""

import os
import shutil
from pathlib import Path

from slipway.errors import Refused
from slipway.hosts import git
from slipway.hosts.host import MINUTES
from slipway.hosts.local import LocalHost
from slipway.project import ROOT

PACKAGES = {
    "git": "git",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "age-keygen": "age",
}


def ensure_programs() -> str:
    """Install git and the ssh client where they are missing; return what there is."""
    missing = sorted({package for name, package in PACKAGES.items() if not shutil.which(name)})
    if missing:
        _install(missing)
        return f"installed {', '.join(missing)}"
    return LocalHost().run(["git", "--version"]).out.strip().replace("version ", "")


def check_checkout(root: Path = ROOT) -> str:
    """Refuse a folder without a commit: a release is named by one."""
    if reason := git.why_no_commit(root):
        raise Refused(f"a release is named by its commit, and {reason}")
    commit = git.at(root).run(["git", "rev-parse", "--short", "HEAD"], timeout=20).out
    return f"at commit {commit.strip()}"


def _install(packages: list[str]) -> None:
    line = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    host = LocalHost()
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not shutil.which("apt-get"):
        raise Refused(f"{' and '.join(packages)} must be installed by hand: there is no apt here")
    if root and host.run([*root, "true"], check=False).code != 0:
        raise Refused(f"{' and '.join(packages)} must be installed; type: sudo {line}")
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive"]
    host.run([*apt, "apt-get", "-q", "update"], timeout=5 * MINUTES)
    host.run([*apt, *line.split()], timeout=5 * MINUTES)
