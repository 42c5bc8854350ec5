"""Requests on their way to a replica whose machine loses the network, without a word."""

import subprocess
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.integration import edge_stage
from tests.integration.conftest import module_corner
from tests.integration.docker_sandbox import base_image
from tests.integration.edge_stage import SERVER, Stage, ask
from tests.soak.rows import Rows

pytestmark = pytest.mark.engine
__all__ = ["module_corner"]
stage = edge_stage.stage
LIMIT = 60.0  # seconds; by tcp_retries2 the kernel gives up at its first attempt after 51


@pytest.fixture
def replica(stage: Stage) -> Iterator[str]:
    python = base_image("python:3.13-slim-trixie")
    options = ("--network", stage.corner.app, "--network-alias", "web-lost")
    container = stage.corner.run(python, "python", "-c", SERVER, "lost", options=options)
    ask(stage, "http://web-lost:8000/")
    stage.edges.tell(stage.routing(7, "lost"))
    yield container
    stage.corner.docker("rm", "--force", container)


def cut_off(stage: Stage, container: str) -> None:
    """Have a container's network drop everything; what runs in it goes on."""
    process = stage.corner.docker("inspect", "--format", "{{.State.Pid}}", container).strip()
    for chain in ("INPUT", "OUTPUT"):
        argv = ["nsenter", "--target", process, "--net", "iptables", "-w", "-I", chain]
        subprocess.run([*argv, "-j", "DROP"], check=True)


class Slowly:
    """The body of an upload that goes on for a while."""

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(3000):
            yield bytes(20_000)
            time.sleep(0.02)


def test_what_is_being_sent_to_a_machine_that_loses_the_network_ends_within_a_minute(
    stage: Stage, replica: str, rows: Rows
) -> None:
    ended: list[tuple[str, float]] = []

    def send(kind: str, method: str, body: Slowly | None = None) -> None:
        try:
            answer = httpx.request(method, stage.url, content=body, timeout=300)
            outcome = f"{kind} {answer.status_code}"
        except httpx.TransportError as error:
            outcome = f"{kind} {type(error).__name__}"
        ended.append((outcome, time.monotonic() - cut))

    def begin(kind: str, method: str, body: Slowly | None = None) -> threading.Thread:
        thread = threading.Thread(target=send, args=(kind, method, body))
        thread.start()
        return thread

    cut = time.monotonic()
    with rows.measure("requests being sent to a machine that loses the network", "1 edge") as row:
        for thread in [begin("warm", "GET") for _ in range(10)]:  # whose connections are kept
            thread.join()
        uploads = [begin("upload", "POST", Slowly()) for _ in range(3)]
        time.sleep(2)
        cut_off(stage, replica)
        cut = time.monotonic()
        sent = [begin("kept connection", "GET") for _ in range(6)]
        for thread in [*uploads, *sent]:
            thread.join(200)
        after = sorted(each for each in ended if not each[0].startswith("warm"))
        row.result = ", ".join(f"{outcome} after {seconds:.0f} s" for outcome, seconds in after)
        print(f"\n{row.result}")
        assert len(after) == 9
        assert max(seconds for _, seconds in after) < LIMIT
