"""Images to the machines over SSH, where no registry stands between: only missing layers travel.

They come from this computer, or from a machine that has them: an image is built once.

`docker load` looks for a layer among those it has before it opens the archive's copy, so the
copies of layers that a machine already has are left out of the stream.
"""

import contextlib
import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from slipway import shell_scripts
from slipway.errors import HostError, last_line
from slipway.hosts import parallel
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES, CommandResult, Host
from slipway.hosts.local import LocalHost
from slipway.images import archive, weight
from slipway.images.sources import Image
from slipway.progress import Lane, Reporter

Chain = tuple[str, ...]
Inventory = Mapping[str, "Images"]  # of each machine, by its name
NOTHING = "every machine has them"
EVERY = 0.2  # seconds between two reports of a machine


@dataclass(frozen=True)
class Images:
    """What a machine has: of each image its layers, by its id; and all tags."""

    layers: Mapping[str, Chain]
    tags: frozenset[str]


@dataclass(frozen=True)
class Shipment:
    """Images that a machine lacks, and the layers of them that it has all the same."""

    images: tuple[Image, ...]
    spare: frozenset[str]


HAVE = shell_scripts.read(__file__, "ship_have.sh")
LOOK = ("sh", "-euc", HAVE, "sh")
LOAD = shell_scripts.read(__file__, "ship_load.sh")


def over_ssh(
    hosts: Sequence[Host],
    images: Collection[Image],
    reporter: Reporter,
    source: Host | None = None,
    inventory: Inventory | None = None,
) -> str:
    """Bring images to every machine at once; return a summary of what travelled.

    Machines that lack the same things are fed from one `docker save`, of this computer unless
    another `source` is named. `inventory` is what they were seen to have, where that was looked at.
    """
    is_here = source is None
    source = source or LocalHost("this computer")
    chains = layers(source, images) if images else {}
    groups: dict[Shipment, list[Host]] = {}
    inventory = inventory or {}
    unseen = [host for host in hosts if host.name not in inventory]
    inventory = {**inventory, **take_inventory(unseen)}
    for host, present in ((host, inventory[host.name]) for host in hosts):
        lacking = tuple(image for image in images if image.id not in present.layers)
        chains_there = list(present.layers.values())
        spare = dispensable([chains[image.id] for image in lacking], chains_there)
        if lacking:
            groups.setdefault(Shipment(lacking, frozenset(spare)), []).append(host)
    sizes = []
    for cargo, group in groups.items():
        reporter.note(f"{len(cargo.images)} images to {', '.join(host.name for host in group)}")
        total = weight.of_layers(source, cargo.images, chains, cargo.spare) if is_here else 0
        for start in range(0, len(group), parallel.AT_ONCE):  # all of a stream's readers at once
            sizes += _ship(source, group[start : start + parallel.AT_ONCE], cargo, total, reporter)
    if not sizes:
        return NOTHING
    summary = f"{_human(sum(sizes))} to {len(sizes)} of {len(hosts)} machines"
    sent = {image for cargo in groups for image in cargo.images}
    reasons = weight.notes(source, sent) if max(sizes) >= weight.LOAD else ()
    return "; ".join([summary, *reasons])


def between(
    hosts: Sequence[Host],
    images: Collection[Image],
    reporter: Reporter,
    inventory: Inventory | None = None,
) -> set[str]:
    """Bring images that some machine has to those that lack them; name those that none has.

    `inventory` is what they were seen to have, where that was looked at.
    """
    if not images:
        return set()
    inventory = inventory or take_inventory(hosts)
    everywhere = [inventory[host.name].layers for host in hosts]
    cargoes: dict[int, list[Image]] = {}
    lost = set()
    for image in images:
        holders = [place for place, ids in enumerate(everywhere) if image.id in ids]
        if not holders:
            lost.add(image.id)
        elif len(holders) < len(hosts):
            cargoes.setdefault(holders[0], []).append(image)
    for place, cargo in cargoes.items():
        over_ssh(hosts, cargo, reporter, hosts[place])
    return lost


def take_inventory(hosts: Sequence[Host]) -> Inventory:
    """Look which images machines have, by their names."""
    names = [host.name for host in hosts]
    return dict(zip(names, parallel.each(hosts, _present), strict=True))


def present(hosts: Sequence[Host]) -> set[str]:
    """Name the images that at least one machine has."""
    return set[str]().union(*(images.layers for images in take_inventory(hosts).values()))


def layers(source: Host, images: Collection[Image]) -> dict[str, Chain]:
    """Map each image's id to its layers, from the bottom up."""
    form = "{{.Id}} {{json .RootFS.Layers}}"
    ids = [image.id for image in images]
    result = source.run(["docker", "image", "inspect", "--format", form, *ids])
    return _chains(result.out)


def dispensable(lacking: Collection[Chain], present: Collection[Chain]) -> set[str]:
    """Name the layers that need not travel: they stand on the same layers on the other side."""
    known = {chain[:depth] for chain in present for depth in range(1, len(chain) + 1)}
    spare: set[str] = set()
    needed: set[str] = set()
    for chain in lacking:
        for depth, layer in enumerate(chain, 1):
            (spare if chain[:depth] in known else needed).add(layer)
    return spare - needed


def _ship(
    source: Host, hosts: Sequence[Host], cargo: Shipment, total: int, reporter: Reporter
) -> list[int]:
    """Load a cargo on machines that lack the same; return the bytes that went to each.

    `total` is how many they will be, about; 0 where nobody knows.
    """
    # By their digests: a tag may have moved to another build.
    ids = [image.id for image in cargo.images]
    readers = archive.shared(archive.save(source, ids, cargo.spare), len(hosts))
    own = {host.name: reader for host, reader in zip(hosts, readers, strict=True)}

    names = [name for image in cargo.images for name in (image.id, image.tag)]
    load = ["sh", "-euc", LOAD, "sh", *names]
    tags = ", ".join(sorted({_short(image.tag) for image in cargo.images}))

    def one(host: Host) -> int:
        def report(doing: str, current: int, of: int = total) -> None:
            reporter.lane(Lane(host.name, doing, current, of, "bytes"))

        report(f"waits for {tags}", 0)
        with contextlib.closing(own[host.name]) as reader:
            chunks = _reported(reader, lambda: report(f"receives {tags}", reader.size))
            result = host.run(load, stdin=chunks, timeout=60 * MINUTES, check=False)
        if cargo.spare and _lost(result, cargo):
            # An engine with another image store wants every layer.
            every_layer = archive.save(source, ids, ())
            result = host.run(load, stdin=every_layer, timeout=60 * MINUTES, check=False)
        if result.code != 0:
            raise HostError(host.name, f"docker load failed: {last_line(result.err)}")
        if lost := _lost(result, cargo):
            raise HostError(
                host.name,
                f"its engine gives {lost} another digest (a different image store); set REGISTRY",
            )
        report(f"has {tags}", reader.size, reader.size)
        return reader.size

    return parallel.each(hosts, one)


def _short(tag: str) -> str:
    """Call an image by the last part of its name."""
    return tag.rpartition("/")[2].partition(":")[0]


def _reported(chunks: Iterable[bytes], report: Callable[[], None]) -> Iterator[bytes]:
    """Pass chunks on, and report every now and then."""
    reported = 0.0
    for chunk in chunks:
        yield chunk
        if time.monotonic() - reported >= EVERY:
            reported = time.monotonic()
            report()


def _lost(loaded: CommandResult, cargo: Shipment) -> str:
    """Name an image that did not arrive, if there is one."""
    present = loaded.out.split()
    return next((image.tag for image in cargo.images if image.id not in present), "")


def _present(host: Host) -> Images:
    return read_images(host.run(LOOK, timeout=60))


def read_images(result: CommandResult) -> Images:
    """Read what a machine answers to LOOK. Raises HostError."""
    lines = [line.split("\t") for line in result.check().out.splitlines()]
    with reading(result.host, "its list of images"):
        layers = {ident: tuple(json.loads(chain) or ()) for ident, chain, _ in lines}
        return Images(
            layers, frozenset(tag for _, _, tags in lines for tag in json.loads(tags) or ())
        )


def _chains(text: str) -> dict[str, Chain]:
    pairs = (line.split(" ", 1) for line in text.splitlines())
    return {ident: tuple(json.loads(chain) or ()) for ident, chain in pairs}


def _human(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"
