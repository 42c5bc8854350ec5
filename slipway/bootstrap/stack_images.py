"""Which images the stack needs from elsewhere, as Compose and the Dockerfiles name them."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.environments import environment, hacking
from slipway.errors import ConfigError
from slipway.images import dockerfile, sources
from slipway.images.references import plain
from slipway.images.sources import Build
from slipway.project import COMPOSE, ROOT
from slipway.releases import compose_builds, compose_files

REHEARSAL = ROOT / "slipway" / "machines" / "local" / "Dockerfile"
Model = Mapping[str, Any]  # what `docker compose config --format json` prints


@dataclass(frozen=True)
class StackImages:
    """Images, each once, in order of their names, and the Dockerfiles that name some of them."""

    names: tuple[str, ...]
    dockerfiles: tuple[Path, ...]


def read(compose: Path = COMPOSE) -> StackImages:
    """Read the hacking loop and every environment, with its own settings. Raises ConfigError."""
    models = [hacking.model(compose)]
    for name in environment.names(compose):
        with contextlib.suppress(ConfigError):  # a deploy there says what is wrong
            env = environment.load(name, compose)
            models.append(compose_files.read(env, compose_files.find(env)))
    names = {name for model in models for name in _images(model)}
    dockerfiles = {build.dockerfile for model in models for build in _builds(model)}
    return StackImages(tuple(sorted(names)), tuple(sorted(dockerfiles)))


def settings_files(compose: Path = COMPOSE) -> list[Path]:
    """List the other files that may name an image: settings do, and what is extended."""
    patterns = ("*.y*ml", "*/*.y*ml", "*.env")
    return sorted(path for pattern in patterns for path in compose.glob(pattern))


def rehearsal_images() -> list[str]:
    """List the images that machines of the provider `local` start from."""
    return dockerfile.bases_of(REHEARSAL)


def _images(model: Model) -> Iterator[str]:
    builds = _builds(model)
    makers = {plain(build.image): build.service for build in builds}
    for spec in (model.get("services") or {}).values():
        if "image" in spec and plain(spec["image"]) not in makers:
            yield plain(spec["image"])
    for build in builds:
        for name in sources.bases(build):
            if makers.get(name, build.service) == build.service:
                yield name


def _builds(model: Model) -> list[Build]:
    services: Mapping[str, Model] = model.get("services") or {}
    return [compose_builds.read(n, spec) for n, spec in services.items() if spec.get("build")]
