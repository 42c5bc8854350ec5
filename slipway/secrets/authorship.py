"""Who wrote a file of secrets last, as git knows it: who commits may put their own values there."""

from pathlib import Path

from slipway.errors import CommandFailed
from slipway.hosts import git

SIGNERS = "team.signers"  # made of team.yml; without it git knows the owner of no SSH key
FIELDS = 4  # author, age, commit, signature
# git's letter for the signature of a commit, in words; the rest are signatures that do not hold.
SIGNATURES = {"N": "not signed", "G": "signed", "U": "signed by a key whose owner is not certain"}


def describe(path: Path) -> str:
    """Say who wrote a file last, when, and whether that commit is signed."""
    name, host = f"{path.parent.name}/{path.name}", git.at(path.parent)
    log = ["git", *_signers(path), "log", "-1", "--format=%an%x00%ar%x00%h%x00%G?", "--", path.name]
    status = ["git", "--no-optional-locks", "status", "--porcelain", "--", path.name]
    try:
        fields = host.run(log, timeout=20).out.strip().split("\0")
        is_changed = bool(host.run(status, timeout=20).out.strip())
    except CommandFailed:
        return f"{name}: git does not tell who wrote it"
    if is_changed or len(fields) != FIELDS:
        return f"{name} has changes that nobody has committed"
    author, age, commit, letter = fields
    signature = SIGNATURES.get(letter, "with a signature that does not hold")
    return f"{name} was last written by {author}, {age}, in {commit} ({signature})"


def _signers(path: Path) -> list[str]:
    """Have git hold signatures against the team's keys, as they are here and now."""
    file = path.parent.parent / SIGNERS
    return ["-c", f"gpg.ssh.allowedSignersFile={file}"] if file.is_file() else []
