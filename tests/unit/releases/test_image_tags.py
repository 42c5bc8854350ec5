"""Which image each service runs: its own build, another service's, or one from elsewhere."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from slipway.errors import ConfigError
from slipway.images import registry, sources
from slipway.releases import application, image_tags
from tests.fakes.engine import FakeEngine
from tests.fakes.host import FakeHost
from tests.fakes.reporter import RecordingReporter


def app_of(folder: Path, **services: Mapping[str, Any]) -> application.Application:
    """An application; a service's `dockerfile` is the text of the one that it builds."""
    full: dict[str, dict[str, Any]] = {}
    for name, spec in services.items():
        full[name] = {"deploy": {"labels": {"slipway.role": "data"}}, "image": spec["image"]}
        if "dockerfile" in spec:
            (folder / name).mkdir(exist_ok=True)
            (folder / name / "Dockerfile").write_text(spec["dockerfile"])
            full[name]["build"] = {"context": str(folder / name), "args": spec.get("args")}
    return application.parse({"services": full})


def test_a_service_on_the_image_of_another_runs_what_is_built_for_it(tmp_path: Path) -> None:
    app = app_of(
        tmp_path,
        api={"image": "demo/api", "dockerfile": "FROM a:1\n"},
        worker={"image": "docker.io/demo/api:latest"},
        cache={"image": "docker.io/library/redis"},
    )
    tags = image_tags.read(app, FakeEngine())
    assert tags["api"].startswith("demo/api:src-")
    assert tags["worker"] == tags["api"]
    assert tags["cache"] == "docker.io/library/redis"


def test_every_image_that_a_build_needs_counts_for_its_name(tmp_path: Path) -> None:
    text = "FROM docker.io/library/golang AS build\nFROM alpine:3\nCOPY --from=build /a /a\n"
    app = app_of(tmp_path, api={"image": "demo/api", "dockerfile": text})
    present: tuple[dict[str, str], ...] = (
        {},
        {"golang:latest": "1"},
        {"golang:latest": "2"},
        {"alpine:3": "1"},
    )
    engines = [FakeEngine(images) for images in present]
    names = [image_tags.read(app, each)["api"] for each in engines]
    assert len(set(names)) == 4


def test_what_is_not_on_this_computer_is_pulled_before_anything_is_named(tmp_path: Path) -> None:
    app = app_of(
        tmp_path,
        api={"image": "demo/api", "dockerfile": "FROM a:1\n"},
        cache={"image": "redis"},
        worker={"image": "demo/api"},
    )
    elsewhere = {"a:1": "sha256:01", "redis:latest": "sha256:02"}
    cold, warm, alone = FakeEngine(registry=elsewhere), FakeEngine(elsewhere), FakeEngine()
    reporter = RecordingReporter()

    def tags(engine: FakeEngine) -> dict[str, str]:
        return image_tags.read(app, engine, lambda names: registry.pull(engine, names, reporter))

    assert tags(cold) == tags(warm) != tags(alone)
    assert reporter.notes == 2 * ["pulling a:1", "pulling redis"]


def test_an_image_on_one_base_is_called_as_by_the_release_before(tmp_path: Path) -> None:
    app = app_of(tmp_path, api={"image": "demo/api", "dockerfile": "FROM a:1\n"})
    assert image_tags.read(app, FakeEngine({"a:1": "sha256:1"}))["api"] == sources.tag(
        app.builds[0], "sha256:1"
    )


def test_an_image_built_in_two_ways_is_refused_where_a_third_service_uses_it(
    tmp_path: Path,
) -> None:
    app = app_of(
        tmp_path,
        one={"image": "demo/api", "dockerfile": "FROM a:1\n"},
        two={"image": "demo/api", "dockerfile": "FROM b:1\n"},
        three={"image": "demo/api"},
    )
    with pytest.raises(ConfigError, match=r"services.three.image: .* by services one and two"):
        image_tags.read(app, FakeEngine())


def test_a_build_on_what_another_service_builds_is_refused_with_the_way_to_write_it(
    tmp_path: Path,
) -> None:
    app = app_of(
        tmp_path,
        base={"image": "demo/base", "dockerfile": "FROM demo/base:latest\n"},
        api={"image": "demo/api", "dockerfile": "FROM demo/base\n"},
    )
    with pytest.raises(ConfigError, match=r"services.api.build: .* demo/base:latest, which servic"):
        image_tags.read(app, FakeEngine())


def test_an_image_is_found_by_whatever_name_the_compose_file_gives_it() -> None:
    tags, digests = ["redis:7"], ["redis@sha256:01"]
    line = f'{json.dumps(tags)}\t{json.dumps(digests)}\tsha256:02\t{{"slipway.standin": "true"}}\n'
    host = FakeHost().answers("docker", "image", "inspect", out=line)
    names = ["docker.io/library/redis:7", "redis:8@sha256:01", "sha256:02", "redis"]
    images = sources.inspect(host, names)
    assert list(images) == names[:3]
    assert {(image.id, image.stand_in) for image in images.values()} == {("sha256:02", True)}
