"""Images from source: a folder's content names its image, so what has not changed is not built."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from pathlib import Path

from slipway.errors import ConfigError, SlipwayError
from slipway.hosts import parallel
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES, Host
from slipway.images import checkout, context, dockerfile
from slipway.images.references import plain
from slipway.progress import Reporter

BUILDS_AT_ONCE = 2
EPOCH = "SOURCE_DATE_EPOCH"
STAND_IN = "slipway.standin"  # the label of an image that takes the place of a registry's


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
    contexts: Mapping[str, Path] = field(default_factory=dict)  # other folders, by their names
    images: Mapping[str, str] = field(default_factory=dict)  # other images, by their names
    secrets: Mapping[str, str] = field(default_factory=dict)  # by the name that RUN mounts
    unnamed: Sequence[str] = ()  # flags that leave the image what it is: caches, ssh

    @property
    def flags(self) -> list[str]:
        """What `docker build` gets besides its files."""
        args = [["--build-arg", f"{key}={value}"] for key, value in sorted(self.args.items())]
        target = ["--target", self.target] if self.target else []
        others = [
            ["--build-context", f"{name}=docker-image://{image}"]
            for name, image in sorted(self.images.items())
        ]
        pairs = [word for words in (*args, *others) for word in words]
        return [*pairs, *target, *self.options, *self.unnamed]


@dataclass(frozen=True)
class Image:
    """An image on this computer; `id` is the digest of its content, the same on every engine."""

    tag: str
    id: str
    stand_in: bool = False
    digests: tuple[str, ...] = field(default=(), compare=False)  # as registries name it


def tag(build: Build, bases: str = "") -> str:
    """Name the image by the content it is built from: `logbook/api:src-1f0c…`."""
    return named(build, content(build, bases))


def named(build: Build, content: str) -> str:
    """Name the image of a build whose content is known."""
    host, slash, name = build.image.partition("@")[0].rpartition("/")  # a host may have a port
    return f"{host}{slash}{name.partition(':')[0]}:src-{content}"


def content(build: Build, bases: str = "") -> str:
    """Digest what an image is built from, whatever it is called."""
    digest = hashlib.sha256(bases.encode())
    _take(digest, build.service, build.context, context.files(build.context, build.dockerfile))
    for name, folder in sorted(build.contexts.items()):
        digest.update(f"context {name}\0".encode())
        _take(digest, build.service, folder, context.files(folder))
    for kind, names in (("image", build.images), ("secret", build.secrets)):
        for name in sorted(names):  # of a secret what it is called, and never its value
            digest.update(f"{kind} {name}={names[name]}\0".encode())
    digest.update(build.dockerfile.read_bytes() if build.dockerfile.is_file() else b"")
    digest.update(repr(sorted(build.args.items())).encode())
    digest.update("\0".join((*build.options, build.target)).strip("\0").encode())
    return digest.hexdigest()[:16]


def _take(digest: "hashlib._Hash", service: str, folder: Path, names: Sequence[str]) -> None:
    """Have a digest take in the files of a folder, as git keeps them."""
    is_program = checkout.programs(folder)
    for name in names:
        path = folder / name
        digest.update(os.fsencode(name) + b"\0")
        if path.is_symlink():
            digest.update(b"->" + os.fsencode(path.readlink()) + b"\0")
            continue
        digest.update(b"x\0" if is_program(name) else b"-\0")
        try:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise ConfigError(
                f"services.{service}.build: {path} cannot be read: {error.strerror}; "
                "let it be read, or name it in .dockerignore"
            ) from None


def bases(build: Build) -> list[str]:
    """Return the images that a build needs; what it calls by a name of its own is none."""
    named = {plain(name) for name in (*build.contexts, *build.images)}
    needed = dockerfile.bases_of(build.dockerfile, build.args, build.target)
    others = [plain(image) for image in build.images.values()]
    return list(dict.fromkeys([*(name for name in needed if name not in named), *others]))


def inspect(host: Host, names: Sequence[str]) -> dict[str, Image]:
    """Return those of the images that are on this computer, in one call."""
    if not names:
        return {}
    # Not `index .Config.Labels`, which fails for an image that has none at all.
    form = "{{json .RepoTags}}\t{{json .RepoDigests}}\t{{.Id}}\t{{json .Config.Labels}}"
    # A missing image makes the command fail, and the others are listed all the same.
    result = host.run(["docker", "image", "inspect", "--format", form, *names], check=False)
    images: dict[str, Image] = {}
    for line in result.out.splitlines():
        if line.count("\t") != 3:
            continue  # the empty line that stands for a missing image
        tags, digests, ident, labels = line.split("\t")
        with reading(host.name, "what it says of images"):
            is_stand_in = STAND_IN in (json.loads(labels) or ())
            by_registries = tuple(json.loads(digests) or ())
            listed = {*(json.loads(tags) or ()), *by_registries, ident}
        for name in (each for each in names if plain(each) in listed):
            images[name] = Image(name, ident, is_stand_in, by_registries)
    return images


def build(
    host: Host,
    builds: Sequence[tuple[Build, str]],
    reporter: Reporter,
    secret: Callable[[Build, str], bytes] = lambda build, name: b"",
) -> None:
    """Build images under their tags; the first failure, or Ctrl-C, ends the other builds.

    `secret` returns what a build mounts for a RUN line by the secret's name.
    Raises SlipwayError with the last lines of a failed build.
    """
    values = {each.service: _values(each, secret) for each, _ in builds}
    with parallel.workers([host], BUILDS_AT_ONCE) as pool:

        def one(source: Build, name: str) -> None:
            reporter.note(f"building {source.service}")
            _build(host, source, name, values[source.service], pool.check)

        for outcome in as_completed([pool.submit(one, *each) for each in builds]):
            outcome.result()


def _values(build: Build, secret: Callable[[Build, str], bytes]) -> dict[str, bytes]:
    return {name: secret(build, source) for name, source in build.secrets.items()}


def _build(
    host: Host, build: Build, name: str, secrets: Mapping[str, bytes], go_on: Callable[[], None]
) -> None:
    if not build.dockerfile.is_file():
        raise ConfigError(
            f"compose.yml: services.{build.service}.build: no {build.dockerfile.name}"
        )
    folders = {"": build.context, **build.contexts}
    files = {n: context.files(f, None if n else build.dockerfile) for n, f in folders.items()}
    moment = max(checkout.moment(folder, files[n]) for n, folder in folders.items())
    # BuildKit dates the image by it, and a newer one the folders that it makes itself.
    argv = ["docker", "build", "--build-arg", f"{EPOCH}={moment}", "--progress=plain"]
    argv += ["--tag", name, "--file", str(build.dockerfile), *build.flags]
    with contextlib.ExitStack() as stack:
        for other, folder in build.contexts.items():
            copy = stack.enter_context(context.copied(folder, files[other], moment, go_on))
            argv += ["--build-context", f"{other}={copy}"]
        if secrets:
            place = stack.enter_context(context.in_memory(secrets))
            argv += [word for n in secrets for word in ("--secret", f"id={n},src={place / n}")]
        copy = stack.enter_context(context.copied(build.context, files[""], moment, go_on))
        result = host.run([*argv, str(copy)], timeout=30 * MINUTES, check=False)
    if result.code != 0:
        last = "\n".join(f"    {line}" for line in result.err.strip().splitlines()[-12:])
        raise SlipwayError(
            f"the image of {build.service} does not build; nothing was changed\n{last}"
        )
