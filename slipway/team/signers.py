"""team.signers: whose signatures of commits count, in the form that git and ssh-keygen read."""

from pathlib import Path

from slipway.project import ROOT
from slipway.secrets.authorship import SIGNERS
from slipway.secrets.rules import core
from slipway.team.member import Team

HEAD = "# Whose signed commits are the team's, by team.yml: inv team.apply. For git:\n"
USE = f"# git config gpg.ssh.allowedSignersFile {SIGNERS}\n"


def file_in(root: Path = ROOT) -> Path:
    """Return where a project has the list."""
    return root / SIGNERS


def generated(team: Team) -> str:
    """Return the list: each SSH key of the team with its owner's name, and until when it counts."""
    lines = []
    for member in team.members:
        until = f' valid-before="{member.until:%Y%m%d}235959Z"' if member.until else ""
        keys = dict.fromkeys(core(key) for key in member.ssh)
        lines += [f'{member.name} namespaces="git"{until} {key}\n' for key in keys]
    return HEAD + USE + "".join(lines)
