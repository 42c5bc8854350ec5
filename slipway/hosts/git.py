"""The project's own git checkout, whatever a hook's environment says about another one."""

import os
from collections.abc import Sequence
from pathlib import Path

from slipway.errors import CommandFailed, Refused, last_line
from slipway.hosts.local import LocalHost
from slipway.project import ROOT

# `git rev-parse --local-env-vars`: what a hook finds set names the repository that it runs for.
ELSEWHERE = (
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_COUNT"),
    *("GIT_CONFIG_PARAMETERS", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE"),
    *("GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NO_REPLACE_OBJECTS"),
    *("GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE"),
    "GIT_WORK_TREE",
)


def at(root: Path = ROOT) -> LocalHost:
    """Return where git is asked about a folder, in English."""
    env = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    return LocalHost(cwd=root, env={**env, "LC_ALL": "C"})


def why_no_commit(root: Path = ROOT) -> str:
    """Say why git names no commit of a folder, and what to type; nothing where it names one."""
    argv = ["git", "rev-parse", "--verify", "HEAD"]
    try:
        result = at(root).run(argv, timeout=20, check=False)
    except CommandFailed as error:
        return f"git does not answer ({error.stderr.strip()})"
    if result.code == 0:
        return ""
    if "dubious ownership" in result.err:
        trust = f"git config --global --add safe.directory {root}"
        return f"git does not trust {root}, which belongs to another user; type: {trust}"
    if "not a git repository" in result.err:
        begin = "git init && git add . && git commit -m 'Begin'"
        return f"{root} is not a git checkout; clone the project, or type: {begin}"
    if "Needed a single revision" in result.err:
        return f"{root} has no commit yet; type: git add . && git commit -m 'Begin'"
    return f"git does not answer for {root} ({last_line(result.err)})"


def commit(root: Path, message: str) -> None:
    """Commit all there is. Raises Refused with what git says where it does not."""
    at(root).run(["git", "add", "--all"], timeout=120)
    _commit(root, message, [])


def commit_files(root: Path, files: Sequence[str], message: str) -> None:
    """Commit these files and no others. Raises Refused with what git says where it does not."""
    at(root).run(["git", "add", "--", *files], timeout=120)
    _commit(root, message, ["--", *files])


def _commit(root: Path, message: str, files: Sequence[str]) -> None:
    try:
        at(root).run(["git", "commit", "--quiet", f"--message={message}", *files], timeout=120)
    except CommandFailed as error:
        if "user.email" not in error.stderr and "ident" not in error.stderr:
            raise Refused(f"git does not commit: {last_line(error.stderr)}") from None
        raise Refused(
            "git does not know who you are, and this ends with a commit; type: "
            "git config --global user.name YOU && git config --global user.email ADDRESS"
        ) from None
