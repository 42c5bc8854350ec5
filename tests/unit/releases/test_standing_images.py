"""Which images a deploy keeps of the serving release, and which it builds all the same."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.images.sources import Build, Image
from slipway.machines.connect import Cluster
from slipway.releases import standing_images
from slipway.releases.application import Service
from slipway.releases.draft import Draft
from slipway.releases.release import Release
from tests.fakes.host import FakeHost

API, WEB, DB = "demo/api:src-1", "demo/web:src-1", "demo/db:src-1"
PUSHED = "r.example.com/demo/api@sha256:01"


def release(images: Mapping[str, str], **tags: str) -> Release:
    none = {"number": 1, "commit": "c" * 40, "services": (), "secrets": {}, "identities": {}}
    return Release(images=images, tags=tags, **none)  # type: ignore[arg-type]


def draft(*tags: str, here: Mapping[str, str] = MappingProxyType({})) -> Draft:
    """A draft whose images all have to be built, but those that are `here`."""
    builds = {t: Build(t, t, Path("/src"), Path("/src/Dockerfile"), {}) for t in tags}
    images = {tag: Image(tag, ident) for tag, ident in here.items()}
    return Draft(release({}, **{tag: tag for tag in tags}), builds, images)


def machine(*ids: str) -> FakeHost:
    return FakeHost("m1").answers("sh", out="".join(f'{i}\t["l"]\t[]\n' for i in ids))


def cluster(*machines: FakeHost) -> Cluster:
    return Cluster(machines[0], {str(number): each for number, each in enumerate(machines)})


def prod(**settings: str) -> Environment:
    env = environment.load("prod")
    return replace(env, settings=MappingProxyType({**env.settings, **settings}))


LIVE = release({"api": "sha256:01", "web": "sha256:02"}, api=API, web=WEB)


def test_what_a_machine_has_is_built_nowhere_else() -> None:
    machines = cluster(machine(), machine("sha256:01"))
    kept = standing_images.keep(prod(), machines, draft(API, WEB), LIVE, FakeHost())
    assert kept.standing == {API: "sha256:01"}
    assert [tag for _, tag in kept.unbuilt] == [WEB]


def test_an_image_of_another_computer_is_kept_where_this_one_has_built_its_own() -> None:
    here = {API: "sha256:01", WEB: "sha256:99"}
    machines = cluster(machine("sha256:01", "sha256:02"))
    kept = standing_images.keep(prod(), machines, draft(API, WEB, here=here), LIVE, FakeHost())
    assert kept.standing == {WEB: "sha256:02"}
    assert kept.unbuilt == []


def test_what_only_the_machine_with_the_data_needs_is_kept_while_it_is_away() -> None:
    services = (Service("db", "data", {}), Service("api", "colour", {}))
    images = {"api": "sha256:01", "db": "sha256:02"}
    live = replace(release(images, api=API, db=DB), services=services)
    for missing, standing in (((), {}), (("m1 does not answer",), {DB: "sha256:02"})):
        machines = replace(cluster(machine()), missing=missing)
        kept = standing_images.keep(prod(), machines, draft(API, DB), live, FakeHost())
        assert kept.standing == standing


def test_no_machine_is_asked_where_this_computer_has_what_serves() -> None:
    here = {API: "sha256:01", WEB: "sha256:02"}
    plan = draft(API, WEB, here=here)
    assert standing_images.keep(prod(), cluster(FakeHost()), plan, LIVE, FakeHost()) == plan


@pytest.mark.parametrize("images", [{}, {"api": "sha256:01"}])
def test_a_new_name_is_built(images: dict[str, str]) -> None:
    live = release(images, **dict.fromkeys(images, "demo/api:src-0"))
    plan = draft(API)
    assert standing_images.keep(prod(), cluster(FakeHost()), plan, live, FakeHost()) == plan
    assert standing_images.keep(prod(), cluster(FakeHost()), plan, None, FakeHost()) == plan


@pytest.mark.parametrize(
    ("live", "answer", "standing"),
    [
        (PUSHED, 0, {API: PUSHED}),
        (PUSHED, 1, {}),
        ("old.example.com/demo/api@sha256:01", 0, {}),
        ("sha256:01", 0, {}),
    ],
)
def test_with_a_registry_it_has_to_be_there(
    live: str, answer: int, standing: dict[str, str]
) -> None:
    here = FakeHost().answers("docker", "buildx", "imagetools", code=answer)
    env = prod(REGISTRY="r.example.com")
    serving = release({"api": live}, api=API)
    kept = standing_images.keep(env, cluster(FakeHost()), draft(API), serving, here)
    assert kept.standing == standing


def test_an_image_of_a_registry_is_not_kept_without_one() -> None:
    serving = release({"api": PUSHED}, api=API)
    plan = draft(API)
    assert standing_images.keep(prod(), cluster(FakeHost()), plan, serving, FakeHost()) == plan
