"""When what stands is changed: never for an image merely built again, unless a machine lacks it."""

from dataclasses import replace

import pytest

from slipway.cluster import observed
from slipway.images import ship
from slipway.machines.connect import Cluster
from slipway.releases import stack
from slipway.releases.shared_services import ROLES, SharedServices
from tests.fakes.host import FakeHost
from tests.unit.releases.running_swarm import ENV, IMAGES, RELEASE, describe

STACKS: dict[str, stack.Stack] = {role: stack.fingerprinted(ENV, RELEASE, role) for role in ROLES}
RUNNING = observed.parse("\n".join(describe(ENV, STACKS)))
REBUILT = replace(RELEASE, images={**IMAGES, "edge": "sha256:again", "db": "sha256:again"})


def machine(name: str, *images: str) -> FakeHost:
    listed = "".join(f"{image} []\n" for image in images)
    return FakeHost(name).answers("sh", "-euc", ship.HAVE, out=listed)


@pytest.mark.parametrize(
    ("images", "changed"),
    [(("sha256:edge", "sha256:again"), False), (("sha256:again",), True)],
)
def test_edges_get_the_new_build_where_a_machine_that_joined_lacks_the_old(
    images: tuple[str, ...], changed: bool
) -> None:
    first, joined = machine("m1", *IMAGES.values()), machine("m2", *images)
    cluster = Cluster(first, {"m1": first, "m2": joined})
    standing = SharedServices(ENV, cluster, RUNNING, REBUILT)
    assert standing.differs("edge") == changed
    assert not standing.differs("data")


def test_machines_are_not_asked_where_the_build_is_the_same() -> None:
    host = FakeHost("m1")
    assert SharedServices(ENV, Cluster(host, {"m1": host}), RUNNING, RELEASE).is_as_described()
    assert host.ran() == []
