"""A release is read as it was recorded, but for operations that this Slipway could not use."""

import json

import pytest

from slipway.agent import version
from slipway.cluster import observed
from slipway.cluster.observed import Observed
from slipway.releases import history
from slipway.releases.application import Service
from slipway.releases.release import Release
from tests.fakes.host import FakeHost

APP = "shop-prod"
IMAGES = {"api": "sha256:api", "ops": "sha256:older"}
RECORD = Release(
    2,
    "c0ffee",
    IMAGES,
    IMAGES,
    IMAGES,
    {},
    (Service("api", "colour", {}), Service("ops", "ops", {})),
)


def cluster(running: str, *records: tuple[str, str]) -> Observed:
    """What a manager shows: an ops image that runs, and of each record its agent and ops image."""
    container = {"Image": running}
    spec = {"Name": f"{APP}-ops_ops", "Labels": {"slipway.role": "ops"}}
    spec["TaskTemplate"] = {"ContainerSpec": container}
    lines = ['swarm\t"active true"', "now\t1000"]
    lines.append(f"service\t{json.dumps({'ID': 's1', 'Spec': spec})}")
    for number, (agent, image) in enumerate(records, 2):
        facts = {"slipway.agent": agent, "slipway.operations": image}
        parts = (number, f"{APP}.release.{number:05d}", facts)
        lines.append("\t".join(["config", *map(json.dumps, parts)]))
    return observed.parse("\n".join(lines))


NEW = (version.digest(), "sha256:newer")


@pytest.mark.parametrize(
    ("running", "records", "image"),
    [
        ("sha256:newer", [("", ""), NEW], "sha256:newer"),
        ("sha256:newer", [("another", "sha256:older"), NEW], "sha256:newer"),
        ("sha256:newer", [(version.digest(), "sha256:older"), NEW], "sha256:older"),
        ("sha256:older", [("", ""), NEW], "sha256:older"),
        ("sha256:older", [("", "")], "sha256:older"),
    ],
    ids=["by the kit of before", "by another", "by this one", "nothing better runs", "alone"],
)
def test_operations_of_another_version_keep_the_image_that_runs(
    running: str, records: list[tuple[str, str]], image: str
) -> None:
    manager = FakeHost("m1").answers("docker", "config", "inspect", out=RECORD.to_json())
    release = history.read(manager, cluster(running, *records), APP, 2)
    assert (release.images["ops"], release.images["api"]) == (image, "sha256:api")
