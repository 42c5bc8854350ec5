"""Which images a prune removes: what nothing uses and no release on record needs."""

from dataclasses import replace

import pytest

from slipway.environments import environment
from slipway.errors import HostError
from slipway.machines.connect import Cluster
from slipway.releases import unused_images
from slipway.releases.unused_images import UnusedImage
from tests.fakes.host import FakeHost
from tests.unit.releases.test_releases import release, service

ENV = environment.load("dev")
OLD = UnusedImage("m1", "sha256:old", 5, ("shop/api:src-0",))
NEEDED = UnusedImage("m1", "sha256:needed", 5, ("shop/api:src-1",))
MOVED = UnusedImage("m1", "sha256:moved", 5)  # its tag has gone on to another image
FOREIGN = UnusedImage("m1", "sha256:foreign", 5, ("redis:7",), ("redis@sha256:7",))
ALL = [OLD, NEEDED, MOVED, FOREIGN]


def test_on_machines_all_goes_that_no_release_needs_by_tag_id_or_digest() -> None:
    assert unused_images.choose(ALL, {"shop/api:src-1", "sha256:moved"}, None) == [OLD, FOREIGN]
    assert unused_images.choose(ALL, {"redis@sha256:7"}, None) == [OLD, NEEDED, MOVED]


def test_on_a_persons_computer_only_images_of_the_project_go() -> None:
    assert unused_images.choose(ALL, {"shop/api:src-1"}, ["shop/"]) == [OLD]
    both = replace(OLD, tags=("shop/api:src-0", "mine/api:1"))
    assert unused_images.choose([both], (), ["shop/"]) == []


def test_a_record_that_cannot_be_read_ends_it_before_anything_is_removed() -> None:
    whole = release(service("api")).to_json()
    host = FakeHost("m1").answers("sh", out=f"{whole}\n{{}}\n")
    with pytest.raises(HostError, match="a release on record"):
        unused_images.look(ENV, Cluster(host, {"m1": host}))
    assert not [argv for argv in host.ran("sh") if "image rm" in argv[2]]
