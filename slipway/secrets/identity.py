"""The private keys of whoever sits at this computer: where they are, and which one opens what."""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slipway.errors import Refused
from slipway.hosts import git
from slipway.hosts.local import LocalHost
from slipway.project import ROOT
from slipway.secrets import programs
from slipway.secrets.encrypted_file import PUBLIC_KEY_FILE
from slipway.secrets.rules import core

NOT_IGNORED = 1  # git check-ignore: a commit would take the file, or has it
NOTED = re.compile(
    r"^#[ \t]*(?:public key|recipient):[ \t]*(age1\S+)[ \t]*$", re.IGNORECASE | re.MULTILINE
)
NATIVE = len("age1") + 58  # letters of a recipient that needs no program of its own
PUBLIC = re.compile(r"^age1[a-z0-9]{50,}$", re.MULTILINE)
PRIVATE = re.compile(r"AGE-SECRET-KEY-", re.IGNORECASE)


@dataclass(frozen=True)
class Identity:
    """One place where a private key may be: a file, or a text that goes nowhere but to age."""

    name: str
    path: Path | None = None
    text: str = field(default="", repr=False)


def identities(
    environ: Mapping[str, str], home: Path, repository: Path | None, *, ssh: bool = False
) -> Iterator[Identity]:
    """Yield where private keys are, the likeliest first, as sops looks for them."""
    if repository is not None:
        yield Identity(f"secrets/{repository.name}", repository)
    if text := environ.get("SOPS_AGE_KEY", "").strip():
        yield Identity("SOPS_AGE_KEY", text=text)
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path(environ["SOPS_AGE_KEY_FILE"])] if environ.get("SOPS_AGE_KEY_FILE") else []
    files += [config / "sops/age/keys.txt"]
    files += [home / "Library/Application Support/sops/age/keys.txt"]
    if ssh:
        own = environ.get("SOPS_AGE_SSH_PRIVATE_KEY_FILE")
        files += [Path(own)] if own else []
        files += [home / ".ssh/id_ed25519", home / ".ssh/id_rsa"]
    for path in dict.fromkeys(files):
        if path.is_file():
            yield Identity(str(path), path)


def public_keys(identity: Identity) -> list[str]:
    """Return the public halves of the keys in one place; none where they cannot be had."""
    if identity.path is not None and (public := _ssh_public(identity.path)):
        return [public]
    keygen = programs.find("age-keygen")
    if keygen is None:
        return []
    argv = [keygen, "-y", *([str(identity.path)] if identity.path else [])]
    result = LocalHost().run(argv, stdin=identity.text.encode(), timeout=20, check=False)
    return PUBLIC.findall(result.out) if result.code == 0 else _noted(identity)


def opening(recipients: Sequence[str], repository: Path | None) -> str:
    """Name the key of this person that a file with these recipients is encrypted to, if any."""
    ssh = any(recipient.startswith("ssh-") for recipient in recipients)
    known = {core(recipient): recipient for recipient in recipients}
    for identity in identities(os.environ, Path.home(), repository, ssh=ssh):
        for key in public_keys(identity):
            if core(key) in known:
                return f"{identity.name} ({core(key)})"
    return ""


def present(repository: Path | None, *, ssh: bool = False) -> str:
    """List the keys that this computer has, by place and public half; for what they do not open."""
    places = [
        f"{identity.name} ({', '.join(map(core, public_keys(identity))) or _why_none(identity)})"
        for identity in identities(os.environ, Path.home(), repository, ssh=ssh)
    ]
    configured = os.environ.get("SOPS_AGE_KEY_FILE", "")
    if configured and repository is None and not Path(configured).is_file():
        what = "is a folder" if Path(configured).is_dir() else "is missing"
        places.insert(0, f"{configured}, which SOPS_AGE_KEY_FILE names ({what})")
    return ", ".join(places)


def _why_none(identity: Identity) -> str:
    """Say why a place gives no key; nothing of what it holds."""
    text = _text(identity)
    if not text.strip():
        return "is empty"
    if PRIVATE.search(text):
        return "holds a damaged key; copy it once more, whole and in capitals"
    if text.lstrip().startswith("age1"):
        return "holds a public key alone, which opens nothing"
    return "holds no age key"


def _noted(identity: Identity) -> list[str]:
    """Return the public halves that a key's comments name, as those of a key in hardware do."""
    return NOTED.findall(_text(identity))


def _text(identity: Identity) -> str:
    text = identity.text
    with contextlib.suppress(OSError):
        text = identity.path.read_text("utf-8", "replace") if identity.path else text
    return text


def program(recipient: str) -> str:
    """Name the program that age needs for a key in hardware; nothing for other keys."""
    kind = recipient.removeprefix("age1").rpartition("1")[0]
    is_plain = not recipient.startswith("age1") or len(recipient) == NATIVE
    return "" if is_plain or kind in ("", "pq") else f"age-plugin-{kind}"


def own_keys(repository: Path | None = None) -> list[str]:
    """Return the public halves of all keys of this person that can be told."""
    places = identities(os.environ, Path.home(), repository, ssh=True)
    return [key for place in places for key in public_keys(place)]


def demand_private() -> None:
    """Raise Refused where others can read one of this person's age keys; sops would say nothing."""
    for place in identities(os.environ, Path.home(), None):
        if place.path is not None and (why := _why_open(place.path) or why_shared(place.path)):
            raise Refused(why)


def why_shared(path: Path, root: Path = ROOT) -> str:
    """Say why git would give a private key to everybody; nothing where it would not."""
    place = path.resolve()
    if not place.is_relative_to(root.resolve()) or place.name == PUBLIC_KEY_FILE:
        return ""
    result = git.at(root).run(["git", "check-ignore", "-q", str(place)], timeout=20, check=False)
    if result.code != NOT_IGNORED:
        return ""
    return (
        f"the key {path} is in the repository, where the next commit may hold it; move it out, to "
        "~/.config/sops/age/keys.txt"
    )


def _why_open(path: Path) -> str:
    info = path.stat()
    if info.st_mode & 0o077:
        return f"others on this computer can read the key {path}; type: chmod 600 {path}"
    if info.st_uid not in (os.geteuid(), 0) and os.geteuid() != 0:
        return f"the key {path} belongs to another user, who can read it; make one of your own"
    return ""


def _ssh_public(path: Path) -> str:
    public = path.with_name(path.name + ".pub")
    try:
        text = public.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return text if text.startswith("ssh-") else ""
