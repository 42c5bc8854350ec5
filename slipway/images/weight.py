"""What makes an image large, for one that is sent to machines anew when it changes."""

import re
from collections.abc import Iterable, Iterator

from slipway.hosts.answers import reading
from slipway.hosts.host import Host
from slipway.images.sources import Image

LOAD = 500_000_000  # bytes sent to a machine, from which on it is worth a word
HEAVY = 1_000_000_000  # bytes of an image
SHARE = 0.1  # of an image, from which on a layer is named
MOST = 3
NOISE = re.compile(r"^(?:/bin/sh -c (?:#\(nop\) +)?|RUN /bin/sh -c |RUN )|\s*# buildkit$")
UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
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
