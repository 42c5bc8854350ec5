"""The example of somebody else's project needs nothing that a computer without registries lacks."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.bootstrap import standins
from slipway.images import dockerfile
from slipway.project import ROOT

NOTES = ROOT / "examples/notes-node"
LOCKS = sorted(NOTES.glob("*/package-lock.json"))

pytestmark = pytest.mark.depends("examples/notes-node")


def test_each_of_its_base_images_has_a_stand_in() -> None:
    model = yaml.safe_load((NOTES / "docker-compose.yml").read_text())
    services: dict[str, Any] = model["services"]
    names = {spec["image"] for spec in services.values() if "image" in spec}
    for spec in services.values():
        if "build" in spec:
            names |= set(dockerfile.bases_of(NOTES / spec["build"] / "Dockerfile"))
    assert names == {"nginx:1.26", "node:24-trixie-slim", "postgres:17", "redis:8"}
    assert names <= set(standins.RECIPES)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.parent.name)
def test_its_packages_are_pinned_by_hash_and_come_from_any_registry(lock: Path) -> None:
    packages: dict[str, dict[str, Any]] = json.loads(lock.read_text())["packages"]
    own = packages.pop("")
    assert own.get("dependencies") == json.loads(lock.with_name("package.json").read_text()).get(
        "dependencies"
    )
    assert [name for name, each in packages.items() if "integrity" not in each] == []
    assert [name for name, each in packages.items() if "resolved" in each] == []
