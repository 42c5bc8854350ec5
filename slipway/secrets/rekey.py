"""A file of secrets given to other readers: whom rules name, with another data key where asked.

All of it happens to a copy, which takes the file's place only when this person's key opens it.
`sops updatekeys` alone takes nothing from who kept the old data key; `sops rotate` does, and knows
nothing of rules, so it comes second.
"""

import shutil
import tempfile
from pathlib import Path

from slipway.environments.environment import Environment
from slipway.errors import ConfigError, Refused
from slipway.secrets import rules, sops


def draft(env: Environment, rules_text: str, *, new_data_key: bool) -> str:
    """Return the environment's file as those read it whom these rules name; nothing is changed.

    Raises Refused where this person could not read it any more, or cannot read it now.
    """
    name = f"secrets/{env.secrets_file.name}"
    sops.decrypt(env.secrets_file, env)  # says who can where this person cannot
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        root = Path(folder)
        copy = root / name
        copy.parent.mkdir()
        shutil.copyfile(env.secrets_file, copy)
        (root / rules.FILE).write_text(rules_text, encoding="utf-8")
        _run(env, root, ["updatekeys", "--yes", name])
        if new_data_key:
            _run(env, root, ["rotate", "--in-place", name])
        try:
            sops.decrypt(copy, env)
        except Refused:
            raise Refused(
                f"you could not read {name} any more: your key is not among those that it would "
                "be encrypted to; nothing was changed"
            ) from None
        return copy.read_text(encoding="utf-8")


def _run(env: Environment, root: Path, argv: list[str]) -> None:
    result = sops.run(env, argv, cwd=root)
    if result.code != 0:
        raise ConfigError(
            f"sops {argv[0]} of {argv[-1]} ended with {result.code}; nothing was changed. A key in "
            "hardware needs its program (age-plugin-...) on this computer"
        )
