"""When what stands is changed: where it does not run as the release says, and only then."""

from dataclasses import replace

import pytest

from slipway.cluster import observed
from slipway.machines.connect import Cluster
from slipway.releases import stack
from slipway.releases.compose_labels import Role
from slipway.releases.release import Release
from slipway.releases.shared_services import ROLES, SharedServices
from tests.fakes.host import FakeHost
from tests.unit.releases.running_swarm import ENV, IMAGES, RELEASE, describe

STACKS: dict[str, stack.Stack] = {role: stack.fingerprinted(ENV, RELEASE, role) for role in ROLES}
RUNNING = observed.parse("\n".join(describe(ENV, STACKS)))


def described_by(release: Release) -> SharedServices:
    host = FakeHost("m1")
    return SharedServices(ENV, Cluster(host, {"m1": host}), RUNNING, release)


def test_what_runs_as_the_release_says_is_left_alone() -> None:
    assert described_by(RELEASE).is_as_described()
    not_built_yet = replace(RELEASE, images={})
    assert described_by(not_built_yet).is_as_described()


@pytest.mark.parametrize(("service", "role"), [("db", "data"), ("edge", "edge"), ("ops", "ops")])
def test_a_service_that_somebody_gave_another_image_is_changed_back(
    service: str, role: Role
) -> None:
    images = {**IMAGES, service: "sha256:as-released"}
    standing = described_by(replace(RELEASE, images=images))
    assert [each for each in ROLES if standing.differs(each)] == [role]
