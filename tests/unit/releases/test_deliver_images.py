"""An earlier release serves again only where its images can be had, from wherever they are."""

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

import pytest

from slipway.environments import environment
from slipway.errors import Refused
from slipway.hosts.host import CommandResult
from slipway.machines.connect import Cluster
from slipway.releases import deliver_images
from slipway.releases.release import Release
from tests.fakes.host import FakeHost
from tests.fakes.reporter import RecordingReporter

PUSHED = "r.example.com/demo/api@sha256:01"
ASK = ("docker", "buildx", "imagetools", "inspect")
env = environment.load("prod")
ENV = replace(env, settings=MappingProxyType({**env.settings, "REGISTRY": "r.example.com"}))


RELEASE = Release(3, "c" * 40, {"api": PUSHED}, {"api": "demo/api:src-1"}, {}, {}, ())


class Machine(FakeHost):
    """It lacks an image of the registry until it pulls it, where it may."""

    def __init__(self, name: str, *, lacks: bool = False, pulls: bool = True) -> None:
        super().__init__(name)
        self._lacks, self._pulls = lacks, pulls
        self.reacts("docker", "pull", by=self._pull)
        self.reacts("sh", "-euc", deliver_images.LACKING, by=self._ask)

    def _pull(self, argv: Sequence[str], _: bytes) -> CommandResult:
        self._lacks = self._lacks and not self._pulls
        return CommandResult(self.name, tuple(argv), int(not self._pulls), "", "denied")

    def _ask(self, argv: Sequence[str], _: bytes) -> CommandResult:
        out = "".join(f"{name}\n" for name in argv[4:] if self._lacks)
        return CommandResult(self.name, tuple(argv), 0, out, "")


def bring_back(*machines: FakeHost) -> str:
    cluster = Cluster(machines[0], {machine.name: machine for machine in machines})
    return deliver_images.bring_back(ENV, cluster, RELEASE, RecordingReporter())


def test_what_every_machine_has_is_asked_of_no_registry() -> None:
    machines = Machine("m1"), Machine("m2")
    bring_back(*machines)
    assert not machines[0].ran("docker") and not machines[1].ran("docker")


def test_what_a_machine_has_lost_is_pulled_before_anything_changes() -> None:
    machines = Machine("m1"), Machine("m2", lacks=True)
    bring_back(*machines)
    assert not machines[0].ran("docker")
    assert machines[1].ran("docker") == [("docker", "pull", "--quiet", PUSHED)]


def test_an_image_that_its_registry_has_no_more_is_refused_with_its_name() -> None:
    # m2 may not pull by itself: a deploy hands it the manager's sign-in.
    machines = Machine("m1").answers(*ASK), Machine("m2", lacks=True, pulls=False)
    bring_back(*machines)
    machines[0].answers(*ASK, code=1, err="manifest unknown")
    gone = (
        r"^the image demo/api:src-1 of release 3 .* m1 cannot get r\.example\.com/demo/api@sha256"
    )
    with pytest.raises(Refused, match=gone):
        bring_back(*machines)


def test_how_an_image_is_named_counts_and_not_what_registry_is_by_now() -> None:
    shipped = replace(RELEASE, images={"api": "sha256:02"})
    host = FakeHost("m1").answers("sh", out="sha256:02\t[]\t[]\n")
    cluster, reporter = Cluster(host, {"m1": host}), RecordingReporter()
    assert deliver_images.bring_back(ENV, cluster, shipped, reporter) == "all present"


def test_where_images_are_looked_for_that_a_machine_has_lost_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    shipped = replace(RELEASE, images={"api": "sha256:02"})
    host, reporter = FakeHost("m1").answers("sh"), RecordingReporter()
    with pytest.raises(Refused, match=r"demo/api:src-1 of release 3 .* on no machine any more"):
        deliver_images.bring_back(ENV, Cluster(host, {"m1": host}), shipped, reporter)
    assert reporter.notes[0].startswith("docker talks to the engine at tcp://127.0.0.1:1")
