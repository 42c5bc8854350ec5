"""What makes an image large, for one that is sent to machines anew when it changes."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from slipway.hosts.answers import reading
from slipway.hosts.host import Host
from slipway.images.sources import Image

LOAD = 500_000_000  # bytes sent to a machine, from which on it is worth a word
HEAVY = 1_000_000_000  # bytes of an image
SHARE = 0.1  # of an image, from which on a layer is named
MOST = 3
NOISE = re.compile(r"^(?:/bin/sh -c (?:#\(nop\) +)?|RUN /bin/sh -c |RUN )|\s*# buildkit$")
UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
# What a Dockerfile says that makes no layer.
METADATA = re.compile(
    r"(?:/bin/sh -c #\(nop\) +)?(?:ARG|CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|"
    r"ONBUILD|SHELL|STOPSIGNAL|USER|VOLUME)\b"
)
ADVICE = (
    "build in a stage of its own and COPY only what runs, name what need not go along in "
    ".dockerignore, or set REGISTRY"
)


def notes(host: Host, images: Iterable[Image]) -> Iterator[str]:
    """Say of each heavy image what is in it, by the lines of its Dockerfile."""
    by_id = {image.id: image.tag for image in images}
    if not by_id:
        return
    form = "{{.Id}}\t{{.Size}}"
    lines = host.run(["docker", "image", "inspect", "--format", form, *sorted(by_id)], timeout=30)
    with reading(host.name, "the sizes of images"):
        sizes = {ident: int(size) for ident, size in map(str.split, lines.out.splitlines())}
    for ident, size in sorted(sizes.items(), key=lambda pair: -pair[1]):
        if size >= HEAVY:
            parts = ", ".join(_parts(host, ident, size))
            of = f", of it {parts}" if parts else ""
            yield f"{by_id[ident].partition(':')[0]} is {human(size)}{of}; {ADVICE}"


def of_layers(
    host: Host,
    images: Iterable[Image],
    chains: Mapping[str, Sequence[str]],
    spare: Collection[str],
) -> int:
    """Return about how many bytes the layers of images are, without the spare ones.

    0 where the history of an image does not say which of its lines made which layer.
    """
    sizes: dict[str, int] = {}
    for image in images:
        written = _layers(host, image.id)
        if len(written) != len(chains[image.id]):
            return 0
        sizes |= dict(zip(chains[image.id], written, strict=True))
    return sum(size for layer, size in sizes.items() if layer not in spare)


def _layers(host: Host, ident: str) -> list[int]:
    """Return the bytes of each layer of an image, from the bottom up."""
    form = "{{.Size}}\t{{.CreatedBy}}"
    argv = ["docker", "history", "--no-trunc", "--human=false", "--format", form, ident]
    lines = [line.partition("\t") for line in host.run(argv, timeout=30).out.splitlines()]
    with reading(host.name, "the sizes of layers"):
        sizes = [int(size) for size, _, line in lines if size != "0" or not METADATA.match(line)]
    return sizes[::-1]


def _parts(host: Host, ident: str, size: int) -> list[str]:
    form = "{{.Size}}\t{{.CreatedBy}}"
    argv = ["docker", "history", "--no-trunc", "--format", form, ident]
    layers = []
    with reading(host.name, "what an image is made of"):
        for line in host.run(argv, timeout=30).out.splitlines():
            written, _, command = line.partition("\t")
            layers.append((_bytes(written), NOISE.sub("", NOISE.sub("", command))[:60].strip()))
    large = sorted((each for each in layers if each[0] >= size * SHARE), reverse=True)
    return [f"{human(amount)} by `{command}`" for amount, command in large[:MOST]]


def human(size: int) -> str:
    """Write a number of bytes as people do: 1.8 GB."""
    return f"{size / 1e9:.1f} GB" if size >= HEAVY / 10 else f"{size / 1e6:.0f} MB"


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([\d.]+)([kMG]?B)", text)
    return int(float(match[1]) * UNITS[match[2]]) if match else 0
