"""A commit of what a command has changed: asked for at a terminal, else the words for it."""

import shlex
from collections.abc import Sequence

from slipway.hosts import git
from slipway.project import ROOT
from slipway.show import confirm, writer


def offer(files: Sequence[str], message: str) -> None:
    """Commit these files and no others where somebody says yes."""
    if confirm.ask(f"Commit {' and '.join(files)} now?"):
        git.commit_files(ROOT, files, message)
        writer.say(f"committed: {message}")
        return
    names = shlex.join(files)
    writer.say(f"git add {names} && git commit --message={shlex.quote(message)} -- {names}")
