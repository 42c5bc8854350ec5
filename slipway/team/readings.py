"""What somebody who left could read, and what of it is still the same: from git and ciphertext."""

from slipway.environments.environment import Environment
from slipway.errors import SlipwayError
from slipway.hosts import git
from slipway.secrets import encrypted_file
from slipway.team import departures, rotation
from slipway.team.departures import Departure
from slipway.team.project import Project
from slipway.team.rotation import Snapshot

MOST = 200  # commits of a file that are looked through


def readable(env: Environment) -> list[str]:
    """Name the values of an environment's file as it is."""
    return sorted(name for name in encrypted_file.lint(env.secrets_file) if name != "sops")


def pending_after(project: Project, env: Environment, departure: Departure) -> list[str]:
    """Name the values of an environment that somebody could read and that are still the same."""
    exposure = departure.environments[env.name]
    if exposure.snapshot is None:
        return readable(env) if env.secrets_file.is_file() else []
    if not env.secrets_file.is_file():
        return []
    current = rotation.snapshot(encrypted_file.lint(env.secrets_file))
    states = [exposure.snapshot, *_committed(project, env), current]
    return rotation.pending(exposure.pending, states)


def _committed(project: Project, env: Environment) -> list[Snapshot]:
    """Return the file's states in git since the record of who left was last committed."""
    path = f"secrets/{env.secrets_file.name}"
    since = _git(project, "log", "-1", "--format=%H", "--", departures.NAME).strip()
    if not since:
        return []
    own = ["log", f"--max-count={MOST}", "--reverse", "--format=%H"]
    commits = [since, *_git(project, *own, f"{since}..HEAD", "--", path).split()]
    if departures.file_in(project.root).read_text(encoding="utf-8") != _git(
        project, "show", f"{since}:{departures.NAME}"
    ):
        return []  # the record is newer than all that git has
    states = []
    for commit in commits:
        text = _git(project, "show", f"{commit}:{path}")
        if text:
            states.append(rotation.snapshot(encrypted_file.parse(text, env.secrets_file)))
    return states


def _git(project: Project, *argv: str) -> str:
    try:
        result = git.at(project.root).run(["git", *argv], timeout=20, check=False)
    except SlipwayError:
        return ""
    return result.out if result.code == 0 else ""
