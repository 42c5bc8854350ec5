"""Completion in shells: what TAB offers behind `inv` and `./inv`."""

from .command import command


def _shells() -> list[str]:
    from slipway.completion.scripts import SHELLS

    return list(SHELLS)


@command(
    runbook="bootstrap",
    help={"shell": "bash, zsh or fish; the shell you work in by default."},
    choices={"shell": _shells},
)
def completion(*, shell: str = "") -> None:
    """Print what a shell needs to complete tasks, flags and names at TAB.

    Examples:
      ./inv completion --shell=bash >>~/.bashrc
      ./inv completion --shell=zsh >>~/.zshrc
      ./inv completion --shell=fish >~/.config/fish/completions/inv.fish
    """
    import os
    from pathlib import Path

    from slipway.completion import scripts
    from slipway.show.writer import say

    say(scripts.read(shell or Path(os.environ.get("SHELL", "")).name))
