"""Two computers, one environment: the second run meets the first one's lease in the real Swarm."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from slipway.cluster import lease
from slipway.environments.environment import Environment
from slipway.errors import Busy
from slipway.hosts.local import LocalHost
from slipway.machines.connect import Cluster
from slipway.notebook.runs.lock import hold
from tests.integration.docker_sandbox import DockerSandbox

pytestmark = pytest.mark.engine


@pytest.fixture
def beside(corner: DockerSandbox) -> Iterator[DockerSandbox]:
    """What the claim makes lies beside what belongs to the application."""
    made = DockerSandbox(f"{corner.app}-runbook")
    yield made
    made.sweep()


def test_the_second_of_two_computers_is_told_and_a_deploy_is_not_in_the_way(
    manager: LocalHost, corner: DockerSandbox, beside: DockerSandbox, tmp_path: Path
) -> None:
    project = corner.app.removesuffix("-test")
    env = Environment("test", {"PROJECT": project, "RUNS_ON": "machines"}, {})
    assert env.prefix == corner.app

    @contextmanager
    def connect(env: Environment) -> Iterator[Cluster]:
        yield Cluster(manager, {})

    with hold("test", "deploy", "1", "anna", tmp_path / "one") as mine:
        mine.publish("back-up-first")
        assert mine.acquire_lease(env, connect) == ""
        with (
            hold("test", "restore", "2", "ben", tmp_path / "two") as other,
            pytest.raises(Busy, match=r"runbook deploy, cell back-up-first, for \d+ s"),
        ):
            other.acquire_lease(env, connect)
        with lease.hold(manager, env.prefix, "deploy of abc"):  # what a cell of the runbook does
            mine.check()
    with hold("test", "restore", "2", "ben", tmp_path / "two") as other:
        assert other.acquire_lease(env, connect) == ""
    assert beside.names("config") == []
