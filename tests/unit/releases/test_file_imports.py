"""Imports of files: whose they become, what receives them, and on which machine."""

from dataclasses import replace
from typing import Any

import pytest

from slipway.cluster.node import DATA_LABEL, Node
from slipway.environments import environment
from slipway.errors import Refused, UsageError
from slipway.files.messages import FilesRequest
from slipway.machines.connect import Cluster
from slipway.releases import file_imports
from slipway.releases.application import Service
from slipway.releases.file_jobs import FileStore
from tests.fakes.host import FakeHost
from tests.unit.releases.running_swarm import ENV, RELEASE
from tests.unit.releases.test_file_restores import EMPTY, MEDIA, UPLOADS


def store(*services: Service) -> FileStore:
    m1, m2 = FakeHost("m1"), FakeHost("m2")
    cluster = Cluster(m1, {"node-m1": m1, "node-m2": m2})
    release = replace(RELEASE, services=(*RELEASE.services, *services))
    return FileStore(ENV, cluster, release, MEDIA, ("uploads",), EMPTY)


def writer(name: str, user: str | None, **mount: Any) -> Service:
    return Service(name, "data", {"user": user, "volumes": [{**UPLOADS, **mount}]})


@pytest.mark.parametrize(
    ("user", "top", "chosen", "owners"),
    [
        ("10001:10002", "0:0", "", "10001:10002"),
        ("1000", "1000:33", "", "1000:33"),
        ("1000", "0:0", "", "1000:1000"),
        ("node", "1000:1000", "", "1000:1000"),  # its image made the top of the volume
        (None, "0:0", "", ""),
        ("0:0", "33:33", "", ""),  # starts as root and drops its rights: its files are not root's
        ("10001:10001", "0:0", "33", "33:33"),
        ("10001:10001", "0:0", "source", ""),
    ],
)
def test_files_belong_to_whom_the_service_runs_as(
    user: str | None, top: str, chosen: str, owners: str
) -> None:
    services = (writer("media", user), writer("proxy", "101", read_only=True))
    assert file_imports.owners_of(store(*services), "uploads", chosen, top) == owners


def test_of_several_who_write_somebody_says_whose_they_become() -> None:
    several = store(writer("media", "1000"), writer("thumbs", "2000"))
    with pytest.raises(UsageError, match="run as 1000, 2000; say whose"):
        file_imports.owners_of(several, "uploads", "", "0:0")
    with pytest.raises(UsageError, match="neither UID:GID nor source"):
        file_imports.owners_of(several, "uploads", "www-data", "0:0")


def test_what_receives_has_one_volume_and_no_network() -> None:
    request = FilesRequest("receive", "shop-prod", ("uploads",))
    words = file_imports.command("shop-prod", "sha256:ops", "shop-prod-uploads", request)
    assert [word for word in words if word.startswith(("--volume", "--network", "--cap-drop"))] == [
        "--network=none",
        "--cap-drop=ALL",
        "--volume=shop-prod-uploads:/volumes/uploads",
    ]
    assert "--read-only" in words and words[-4:-2] == ["sha256:ops", "python"]


def node(name: str, *, holds_data: bool) -> Node:
    labels = {DATA_LABEL: "true"} if holds_data else {}
    state = ("manager", "ready", "active")
    return Node(f"node-{name}", name, name, *state, False, True, "26.1", labels)


def test_they_are_sent_to_the_machine_that_keeps_the_data() -> None:
    far = replace(store(MEDIA), env=environment.load("staging"))
    nodes = (node("m1", holds_data=False), node("m2", holds_data=True))
    two = replace(far, observed=replace(EMPTY, nodes=nodes))
    assert file_imports._keeper(two).name == "m2"
    lost = replace(two, cluster=two.cluster.without(["m2"]))
    with pytest.raises(Refused, match="the data are on m2, and have to be on one machine"):
        file_imports._keeper(lost)
