"""What `./inv` starts: Invoke without anybody's own settings for it.

`~/.invoke.yaml`, `/etc/invoke.yaml` and INVOKE_* mean other projects; here they would change which
tasks there are, or end every command with a traceback. The project's own invoke.yaml counts.
"""

import sys

from invoke._version import __version__
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


if __name__ == "__main__":
    sys.argv[0] = "inv"
    names = ["invoke", "inv"]
    Program(
        name="Invoke",
        binary="inv[oke]",
        binary_names=names,
        version=__version__,
        config_class=ProjectConfig,
    ).run()
