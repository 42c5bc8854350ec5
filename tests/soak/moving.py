"""Projects in the shapes of public ones: the images that stand in, and what each serves once moved.

Nothing of the public projects is copied: their compose files are told again, small, in
tests/unit/scaffold/importing/projects, and the code behind them, where they build it, is in
projects/ here. An image that only a registry has is built under its tag from standins/.
"""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from slipway.bootstrap import images
from slipway.progress import SILENT
from tests import base_images
from tests.e2e.checkout import Checkout, docker

HERE = Path(__file__).parent
LABEL = "slipway.test=projects"
ALIASES: Mapping[str, str] = {
    "golang:1.24": "golang",
    "mariadb:10": "mariadb",
    "mariadb:10.6.4-focal": "mariadb",
    "python:3.13": "python",
    "ruby:3.4": "ruby",
    "valkey/valkey:8.0-alpine": "valkey",
}
OF_KIT: Mapping[str, str] = {"node:24": "node:24-trixie-slim", "redis:7-alpine": "redis:8"}


@dataclass(frozen=True)
class Moved:
    """A project: what it needs, what a person changes as MOVE-IN.md says, what it answers then."""

    answers: Mapping[str, str]  # path: a part of what is served there
    images: tuple[str, ...] = ()
    applications: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    words: str = ""  # answers to what inv new asks
    follow: Callable[[Checkout], None] | None = None  # the list of what to change
    later: str = ""  # what is typed after the deploy


@contextmanager
def lent(moved: Moved) -> Iterator[None]:
    """Have the images of a project under their tags; remove those that were made for it."""
    made: list[str] = []
    try:
        for tag in (*moved.images, *moved.applications):
            if not images.missing([tag]):
                continue
            made.append(tag)
            if base := OF_KIT.get(tag):
                images.ensure_images([base], SILENT)
                docker("tag", base, tag)
                continue
            arguments = moved.applications.get(tag, {})
            options = [f"--target={ALIASES.get(tag, 'application')}", f"--label={LABEL}"]
            options += [f"--build-arg={key}={value}" for key, value in arguments.items()]
            base_images.build(tag, str(HERE / "standins"), *options)
        yield
    finally:
        subprocess.run(["docker", "image", "rm", *made], check=False, capture_output=True)
