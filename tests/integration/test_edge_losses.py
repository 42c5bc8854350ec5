"""Replicas and machines that are frozen or lost, as the edge meets them."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.integration import edge_stage
from tests.integration.docker_sandbox import base_image
from tests.integration.edge_stage import SERVER, Stage, ask

pytestmark = pytest.mark.engine
stage = edge_stage.stage


@dataclass
class Pair:
    """Two replicas of one service."""

    stage: Stage
    containers: list[str]

    def ask_often(self) -> list[threading.Thread]:
        """Begin twenty requests, one after another; return those that have no answer soon."""
        threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(20)]
        for thread in threads:
            thread.start()
            time.sleep(0.1)
        deadline = time.monotonic() + 5
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return [thread for thread in threads if thread.is_alive()]

    def _ask(self) -> None:
        httpx.get(self.stage.url, timeout=300)


@pytest.fixture
def pair(stage: Stage) -> Iterator[Pair]:
    corner, python = stage.corner, base_image("python:3.13-slim-trixie")
    options = ("--network", corner.app, "--network-alias", "web-pair")
    containers = [
        corner.run(python, "python", "-c", SERVER, "pair", options=options) for _ in range(2)
    ]
    ask(stage, "http://web-pair:8000/")
    stage.edges.tell(stage.routing(7, "pair"))
    yield Pair(stage, containers)
    corner.docker("rm", "--force", *containers)


def test_few_requests_wait_for_a_replica_that_is_frozen(pair: Pair) -> None:
    assert pair.ask_often() == []
    docker = pair.stage.corner.docker
    docker("pause", pair.containers[0])
    waiting = pair.ask_often()
    docker("unpause", pair.containers[0])
    assert len(waiting) <= 2  # not every second one
    for thread in waiting:
        thread.join(60)
        assert not thread.is_alive()


def test_a_request_in_flight_to_a_machine_that_is_lost_ends_and_one_that_takes_long_does_not(
    pair: Pair,
) -> None:
    answers: list[tuple[int, float]] = []

    def ask() -> None:
        began = time.monotonic()
        status = httpx.get(f"{pair.stage.url}/slow-40", timeout=300).status_code
        answers.append((status, time.monotonic() - began))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(2)
    pair.stage.corner.docker("network", "disconnect", pair.stage.corner.app, pair.containers[0])
    for thread in threads:
        thread.join()
    assert {status for status, _ in answers} == {200, 503}
    assert all(seconds >= 40 for status, seconds in answers if status == 200)
    assert all(seconds < 60 for status, seconds in answers if status == 503)
