"""Two people changed one file of secrets: what to type, with the names that each of them changed.

A merge of the lines leaves a file that opens for nobody, and a merge driver would leave plain text
where nobody looks for it. So one side is taken whole, and the other's few values are given again.
"""

from pathlib import Path

from slipway.environments.environment import Environment
from slipway.errors import CommandFailed, ConfigError
from slipway.hosts import git
from slipway.secrets import encrypted_file

REBASING = ("rebase-merge", "rebase-apply")


def advice(env: Environment) -> str:
    """Say how a conflict of git in the environment's secrets ends; nothing where there is none."""
    path = env.secrets_file
    # Nothing that sops writes begins so, and asking git takes longer than looking.
    if b"\n<<<<<<< " not in b"\n" + path.read_bytes():
        return ""
    name = f"secrets/{path.name}"
    start = f"{name}: two people changed it, and a merge of its lines opens for nobody"
    stages = [_stage(path, number) for number in (1, 2, 3)]
    if not stages[1] or not stages[2]:
        return f"{start}; take one whole version from git, and give the other's values again"
    base, ours, theirs = stages
    mine, side = (theirs, "ours") if _is_rebase(path) else (ours, "theirs")
    names = sorted(key for key in {*base, *mine} if base.get(key) != mine.get(key))
    again = " && ".join(_again(env, key, is_set=key in mine) for key in names)
    return (
        f"{start}. You changed {', '.join(names) or 'nothing'}; take the other's file and do yours "
        f"again: git checkout --{side} -- {name} && {again or 'true'} && git add {name}"
    )


def _again(env: Environment, key: str, *, is_set: bool) -> str:
    return f"inv secrets.{'set' if is_set else 'unset'} --env={env.name} --name={key}"


def _stage(path: Path, number: int) -> dict[str, str]:
    """Return the encrypted values of one side of a conflict; nothing where git has none."""
    argv = ["git", "show", f":{number}:./{path.name}"]
    try:
        text = git.at(path.parent).run(argv, timeout=20).out
        document = encrypted_file.parse(text, path)
    except (CommandFailed, ConfigError):
        return {}
    return {key: str(value) for key, value in document.items() if key != "sops"}


def _is_rebase(path: Path) -> bool:
    """Whether git has the two sides the other way round: “ours” is what was there before."""
    host = git.at(path.parent)
    folder = host.run(["git", "rev-parse", "--absolute-git-dir"], timeout=20).out.strip()
    return any(Path(folder, name).is_dir() for name in REBASING)
