"""Images from source: a folder's content names its image, so what has not changed is not built."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

from slipway.errors import ConfigError, SlipwayError
from slipway.hosts import parallel
from slipway.hosts.host import MINUTES, Host
from slipway.images import dockerignore
from slipway.images.references import plain
from slipway.progress import Reporter

BUILDS_AT_ONCE = 2


@dataclass(frozen=True)
class Build:
    """How an image is made: `docker build` of a folder; `options` are more flags of it."""

    service: str
    image: str
    context: Path
    dockerfile: Path
    args: Mapping[str, str]
    options: Sequence[str] = ()
    target: str = ""

    @property
    def flags(self) -> list[str]:
        """What `docker build` gets besides its files."""
        args = [["--build-arg", f"{key}={value}"] for key, value in sorted(self.args.items())]
        target = ["--target", self.target] if self.target else []
        return [*(word for words in args for word in words), *target, *self.options]


@dataclass(frozen=True)
class Image:
    """An image on this computer; `id` is the digest of its content, the same on every engine."""

    tag: str
    id: str
    stand_in: bool = False


def tag(build: Build, bases: str = "") -> str:
    """Name the image by the content it is built from: `logbook/api:src-1f0c…`."""
    digest = hashlib.sha256(bases.encode())
    for path in _files(build):
        digest.update(f"{path.relative_to(build.context)}\0".encode())
        if path.is_symlink():
            digest.update(f"->{path.readlink()}\0".encode())
            continue
        digest.update(b"x\0" if os.access(path, os.X_OK) else b"-\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update(build.dockerfile.read_bytes() if build.dockerfile.is_file() else b"")
    digest.update(repr(sorted(build.args.items())).encode())
    digest.update("\0".join((*build.options, build.target)).strip("\0").encode())
    host, slash, name = build.image.partition("@")[0].rpartition("/")  # a host may have a port
    return f"{host}{slash}{name.partition(':')[0]}:src-{digest.hexdigest()[:16]}"


def inspect(host: Host, names: Sequence[str]) -> dict[str, Image]:
    """Return those of the images that are on this computer, in one call."""
    if not names:
        return {}
    form = "{{json .RepoTags}}\t{{json .RepoDigests}}\t{{.Id}}\t"
    form += '{{index .Config.Labels "slipway.standin"}}'
    # A missing image makes the command fail, and the others are listed all the same.
    result = host.run(["docker", "image", "inspect", "--format", form, *names], check=False)
    images: dict[str, Image] = {}
    for line in result.out.splitlines():
        if line.count("\t") != 3:
            continue  # the empty line that stands for a missing image
        tags, digests, ident, standin = line.split("\t")
        listed = {*(json.loads(tags) or ()), *(json.loads(digests) or ()), ident}
        for name in (each for each in names if plain(each) in listed):
            images[name] = Image(name, ident, standin not in ("", "<no value>"))
    return images


def build(host: Host, builds: Sequence[tuple[Build, str]], reporter: Reporter) -> None:
    """Build images under their tags; the first failure, or Ctrl-C, ends the other builds.

    Raises SlipwayError with the last lines of a failed build.
    """
    with parallel.workers([host], BUILDS_AT_ONCE) as pool:
        for outcome in as_completed(
            [pool.submit(_build, host, source, name, reporter) for source, name in builds]
        ):
            outcome.result()


def _build(host: Host, build: Build, name: str, reporter: Reporter) -> None:
    if not build.dockerfile.is_file():
        raise ConfigError(
            f"compose.yml: services.{build.service}.build: no {build.dockerfile.name}"
        )
    reporter.note(f"building {build.service}")
    argv = ["docker", "build", "--progress=plain", "--tag", name, "--file", str(build.dockerfile)]
    result = host.run([*argv, *build.flags, str(build.context)], timeout=30 * MINUTES, check=False)
    if result.code != 0:
        last = "\n".join(f"    {line}" for line in result.err.strip().splitlines()[-12:])
        raise SlipwayError(
            f"the image of {build.service} does not build; nothing was changed\n{last}"
        )


def _files(build: Build) -> list[Path]:
    """List what the build can see, in a fixed order."""
    folder = build.context
    if not folder.is_dir():
        raise ConfigError(f"compose.yml: the build folder {folder.name}/ does not exist")
    own = build.dockerfile.with_name(f"{build.dockerfile.name}.dockerignore")
    path = own if own.is_file() else folder / ".dockerignore"
    own_lines = path.read_bytes().decode(errors="surrogateescape") if path.is_file() else ""
    # Python's own leavings differ between computers and are never meant.
    patterns = dockerignore.read(f"{own_lines}\n**/__pycache__\n**/*.pyc")
    return [
        folder / name
        for name in dockerignore.visible(folder, patterns)
        if (folder / name).is_symlink() or (folder / name).is_file()
    ]
