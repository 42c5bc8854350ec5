"""What would fail half-way for the lack of an SSH agent, or on machines of another platform."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from slipway.cluster.node import Node
from slipway.errors import Refused
from slipway.hosts.host import Host
from slipway.images.sources import Build, Image
from slipway.releases import build_conditions
from slipway.releases.draft import Draft
from tests.fakes.host import FakeHost
from tests.unit.releases.running_swarm import ENV, RELEASE

PROD = replace(ENV, settings={**ENV.settings, "RUNS_ON": "ssh"})
INSPECT = ("docker", "image", "inspect")


def build(service: str, *options: str, unnamed: tuple[str, ...] = ()) -> Build:
    folder = Path("/app")
    return Build(service, service, folder, folder / "Dockerfile", {}, options, unnamed=unnamed)


def machines(*architectures: str) -> list[Node]:
    numbered = zip(itertools.count(1), architectures, strict=False)
    return [
        Node(
            f"m{n}",
            f"m{n}",
            "",
            "manager",
            "ready",
            "active",
            False,
            True,
            "26",
            {},
            0,
            f"linux/{a}",
        )
        for n, a in numbered
    ]


def engine(architecture: str) -> Host:
    """An engine of that architecture, which has an image of it."""
    host = FakeHost("here").answers("docker", "version", out=f"linux/{architecture}\n")
    return host.answers(*INSPECT, out=f"sha256:web linux/{architecture}\n")


def draft(*builds: Build) -> Draft:
    tags = {each.service: f"{each.service}:src-1" for each in builds} | {"web": "web:1"}
    images = {"web:1": Image("web:1", "sha256:web")}
    by_tag = {tags[each.service]: each for each in builds}
    return Draft(replace(RELEASE, tags=tags), by_tag, images)


@pytest.mark.parametrize("flags", [("--ssh", "default"), ("--ssh", "k=/key", "--ssh", "other")])
def test_a_build_that_asks_an_agent_which_is_not_there_never_begins(flags: tuple[str, ...]) -> None:
    asking = [build("api", unnamed=flags)]
    with pytest.raises(Refused, match=r"services\.api\.build\.ssh asks your SSH agent.*ssh-add"):
        build_conditions.demand_agent(asking, {})
    build_conditions.demand_agent(asking, {"SSH_AUTH_SOCK": "/run/agent"})
    build_conditions.demand_agent([build("api", unnamed=("--ssh", "k=/key"))], {})


def test_an_image_for_another_platform_is_refused_with_what_to_write() -> None:
    amd, arm = machines("x86_64", "x86_64"), engine("arm64")
    with pytest.raises(
        Refused, match=r"image of api is for linux/arm64, and m1 is linux/amd64; .*pl"
    ):
        build_conditions.check(PROD, amd, replace(draft(build("api")), images={}), arm)
    with pytest.raises(Refused, match=r"image of web .*docker pull --platform=linux/amd64"):
        build_conditions.check(PROD, amd, draft(build("api", "--platform", "linux/amd64/v2")), arm)
    build_conditions.check(PROD, machines("aarch64"), draft(build("api")), arm)
    build_conditions.check(PROD, amd, draft(build("api")), engine("amd64"))
    build_conditions.check(ENV, amd, draft(build("api")), arm)  # this computer can emulate


def test_machines_of_two_platforms_are_refused() -> None:
    with pytest.raises(Refused, match=r"m1 is linux/amd64 and m2 is linux/arm64: .* machine\.rm"):
        build_conditions.check(PROD, machines("x86_64", "aarch64"), draft(), engine("amd64"))
