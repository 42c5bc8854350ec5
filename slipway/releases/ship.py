"""Images to the machines: through a registry where there is one, else over SSH, layer by layer.

`docker load` looks for a layer among those it has before it opens the archive's copy, so the
copies of layers that a machine already has are left out of the stream.
"""

import contextlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import IO

from slipway.errors import CommandFailed, HostError, SlipwayError
from slipway.hosts import parallel
from slipway.hosts.host import MINUTES, Host, script
from slipway.hosts.local import LocalHost
from slipway.releases.sources import Image

CHUNK = 1 << 20
Chain = tuple[str, ...]

# What a machine has: one line per image, its id and its layers from the bottom up.
HAVE = r"""
ids=$(docker image ls --quiet --no-trunc | sort -u)
[ -z "$ids" ] || docker image inspect --format '{{.Id}} {{json .RootFS.Layers}}' $ids
"""


def over_ssh(hosts: Sequence[Host], images: Collection[Image], note: Callable[[str], None]) -> str:
    """Bring images to every machine at once; return a summary of what travelled."""
    chains = layers(images)

    def one(host: Host) -> int:
        return _ship(host, images, chains, note)

    sizes = [size for size in parallel.each(hosts, one) if size]
    if not sizes:
        return "every machine has them"
    return f"{_human(sum(sizes))} to {len(sizes)} of {len(hosts)} machines"


def missing(hosts: Sequence[Host], ids: Collection[str]) -> set[str]:
    """Name the images that at least one machine does not have."""

    def one(host: Host) -> set[str]:
        return set(ids) - _chains(script(host, HAVE, timeout=60).out).keys()

    return set[str]().union(*parallel.each(hosts, one))


def through_registry(images: Collection[Image], registry: str) -> dict[str, str]:
    """Push images; map each id to the reference by digest that any machine can pull."""
    host = LocalHost()
    references = {}
    for image in images:
        name = f"{registry}/{image.tag}"
        host.run(["docker", "tag", image.id, name], timeout=20)
        try:
            host.run(["docker", "push", "--quiet", name], timeout=30 * MINUTES)
        except CommandFailed as error:
            raise SlipwayError(
                f"{registry} did not take {image.tag}; nothing was changed: {_line(error.stderr)}"
            ) from None
        form = "{{json .RepoDigests}}"
        digests = json.loads(host.run(["docker", "image", "inspect", "-f", form, name]).out)
        repository = name.rpartition(":")[0]
        references[image.id] = next(d for d in digests if d.startswith(f"{repository}@"))
    return references


def layers(images: Collection[Image]) -> dict[str, Chain]:
    """Map each image's id to its layers, from the bottom up."""
    form = "{{.Id}} {{json .RootFS.Layers}}"
    ids = [image.id for image in images]
    done = LocalHost().run(["docker", "image", "inspect", "--format", form, *ids])
    return _chains(done.out)


def dispensable(wanted: Collection[Chain], present: Collection[Chain]) -> set[str]:
    """Name the layers that need not travel: they stand on the same layers on the other side."""
    known = {chain[:depth] for chain in present for depth in range(1, len(chain) + 1)}
    spare: set[str] = set()
    needed: set[str] = set()
    for chain in wanted:
        for depth, layer in enumerate(chain, 1):
            (spare if chain[:depth] in known else needed).add(layer)
    return spare - needed


def _ship(
    host: Host, images: Collection[Image], chains: dict[str, Chain], note: Callable[[str], None]
) -> int:
    present = _chains(script(host, HAVE, timeout=60).out)
    wanted = [image for image in images if image.id not in present]
    if not wanted:
        return 0
    spare = dispensable([chains[image.id] for image in wanted], list(present.values()))
    note(f"{host.name}: {len(wanted)} images")
    sent = _load(host, wanted, spare)
    after = _chains(script(host, HAVE, timeout=60).out)
    if spare and any(image.id not in after for image in wanted):
        # An engine with another image store wants every layer.
        sent += _load(host, wanted, set())
        after = _chains(script(host, HAVE, timeout=60).out)
    lost = [image.tag for image in wanted if image.id not in after]
    if lost:
        raise HostError(
            host.name,
            f"its engine gives {lost[0]} another digest (a different image store); set REGISTRY",
        )
    return sent


def _load(host: Host, images: Sequence[Image], spare: Collection[str]) -> int:
    sent = 0

    def counted() -> Iterator[bytes]:
        nonlocal sent
        for chunk in archive([image.tag for image in images], spare):
            sent += len(chunk)
            yield chunk

    done = host.run(["docker", "load"], stdin=counted(), timeout=60 * MINUTES, check=False)
    if done.code != 0 and not spare:
        raise HostError(host.name, f"docker load failed: {_line(done.err)}")
    return sent


def archive(tags: Sequence[str], spare: Collection[str]) -> Iterator[bytes]:
    """Stream `docker save` without the layers named, as chunks of a tar archive."""
    argv = ["docker", "save", *tags]
    save = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert save.stdout is not None and save.stderr is not None  # noqa: S101  asked for above
    try:
        # What ends before it began is told by the exit code.
        with contextlib.suppress(tarfile.ReadError):
            yield from thinned(save.stdout, spare)
        if save.wait() != 0:
            raise CommandFailed("this computer", argv, save.returncode, save.stderr.read().decode())
    finally:
        if save.poll() is None:
            save.kill()
        save.wait()


def thinned(whole: IO[bytes], spare: Collection[str]) -> Iterator[bytes]:
    """Read a tar archive of images and hand it on, in chunks, without the layers named."""
    left_out = {f"blobs/sha256/{layer.removeprefix('sha256:')}" for layer in spare}
    buffer = io.BytesIO()
    with (
        tarfile.open(fileobj=whole, mode="r|", bufsize=CHUNK) as source,
        tarfile.open(fileobj=buffer, mode="w|", bufsize=CHUNK) as target,
    ):
        for member in source:
            if member.name not in left_out:
                content = source.extractfile(member) if member.isfile() else None
                yield from _copy(member, content, target, buffer)
    yield buffer.getvalue()


def _copy(
    member: tarfile.TarInfo,
    content: IO[bytes] | None,
    target: tarfile.TarFile,
    buffer: io.BytesIO,
) -> Iterator[bytes]:
    """Write one member in pieces, handing over what the target has produced so far."""
    target.addfile(member)  # the header; the content follows, padded to whole blocks
    assert target.fileobj is not None  # noqa: S101  open for writing
    written = 0
    while content is not None and (piece := content.read(CHUNK)):
        target.fileobj.write(piece)
        written += len(piece)
        yield _drained(buffer)
    if rest := written % tarfile.BLOCKSIZE:
        target.fileobj.write(b"\0" * (tarfile.BLOCKSIZE - rest))
    yield _drained(buffer)


def _drained(buffer: io.BytesIO) -> bytes:
    data = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return data


def _chains(text: str) -> dict[str, Chain]:
    pairs = (line.split(" ", 1) for line in text.splitlines())
    return {ident: tuple(json.loads(chain) or ()) for ident, chain in pairs}


def _human(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"


def _line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]
