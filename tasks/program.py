"""What `./inv` starts: Invoke without anybody's own settings for it.

`~/.invoke.yaml`, `/etc/invoke.yaml` and INVOKE_* mean other projects; here they would change which
tasks there are, or end every command with a traceback. The project's own invoke.yaml counts.
"""

import sys
from pathlib import Path

from invoke.config import Config
from invoke.program import Program


class ProjectConfig(Config):
    """Settings of the project and of the command line alone."""

    def load_system(self, merge: bool = True) -> None:
        """Read nothing."""

    def load_user(self, merge: bool = True) -> None:
        """Read nothing."""

    def load_shell_env(self) -> None:
        """Read nothing."""


def _version() -> str:
    """Read the version without importing the engine, which no path leads to yet in a checkout."""
    beside = Path(__file__).resolve().parents[1] / "slipway" / "version.py"
    return beside.read_text(encoding="utf-8").split('"')[-2]


if __name__ == "__main__":
    sys.argv[0] = "inv"
    names = ["invoke", "inv"]
    Program(
        name="Slipway",
        binary="inv[oke]",
        binary_names=names,
        version=_version(),
        config_class=ProjectConfig,
    ).run()
