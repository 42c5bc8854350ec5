"""What rehearsal machines of a clone start with, so that a deploy sends them only what is its own.

A machine starts with the images that its project needs from elsewhere. Those of the sample system
stand on them, and what they add (tools of the database, packages of Python) is the same in every
clone; so a clone names its images too, as services of the hacking loop that never start.
"""

import functools
from pathlib import Path

from slipway.project import COMPOSE, ROOT
from tests import base_images

NAME = "slipway-test-stock/{}"
TOOLS = "ops"  # all but the engine itself, which changes every day
IMAGES = ("api", "db", TOOLS, "tests", "web", "worker")


def name_in(compose: Path) -> None:
    """Have the machines of a clone start with them."""
    with (compose / "compose.override.yml").open("a") as file:
        for image in _built():
            service = image.rpartition("/")[2]
            file.write(f"\n  stock-{service}: {{image: {image}, profiles: [stock]}}\n")


@functools.cache
def _built() -> tuple[str, ...]:
    """Build them with the layers that every clone's own build has."""
    return tuple(_build(each) for each in IMAGES)


def _build(image: str) -> str:
    folder = COMPOSE / image
    if image == TOOLS:
        how = ("--target=tools", f"--file={folder / 'Dockerfile'}")
        return base_images.build(NAME.format(image), str(ROOT), *how)
    return base_images.build(NAME.format(image), str(folder))
