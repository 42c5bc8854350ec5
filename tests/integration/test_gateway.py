"""A Swarm on this computer, and what it publishes, is open to this computer alone."""

import subprocess

import pytest

from slipway.cluster import gateway, swarm
from tests.integration import nested
from tests.integration.docker_sandbox import DockerSandbox, base_image
from tests.integration.nested import Nested
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
STOCK = "caddy:2"


@pytest.fixture
def host(corner: DockerSandbox) -> Nested:
    """An engine that was in no Swarm yet, with an image to run."""
    made = nested.start(corner)
    with subprocess.Popen(["docker", "save", base_image(STOCK)], stdout=subprocess.PIPE) as image:
        argv = ["docker", "exec", "-i", made.name, "docker", "load"]
        subprocess.run(argv, stdin=image.stdout, check=True, capture_output=True)
    return made


def answers(host: Nested, address: str) -> bool:
    return host.run(["curl", "-sf", "-m", "3", f"{address}:8080"], check=False).code == 0


def test_a_swarm_of_this_computer_is_open_to_this_computer_alone(host: Nested) -> None:
    assert gateway.bind(host, gateway.LOOPBACK, "dev") == ""
    swarm.ensure_swarm(host, gateway.LOOPBACK, gateway.LOOPBACK)
    host.run(["docker", "network", "create", "--driver", "overlay", "edge"])
    service = ["--detach", "--quiet", "--endpoint-mode", "dnsrr", "--network", "edge"]
    service += ["--publish", "mode=host,published=8080,target=8080", STOCK]
    host.run(["docker", "service", "create", *service, "caddy", "respond", "--listen", ":8080"])
    wait_until("it is reached from its own computer", lambda: answers(host, "127.0.0.1"))
    assert not answers(host, host.run(["hostname", "-i"]).out.strip())
    listening = host.run(["ss", "-tulnH"]).out.split()
    for port in (swarm.PORT, 7946, 8080):
        assert f"127.0.0.1:{port}" in listening
        assert f"0.0.0.0:{port}" not in listening and f"*:{port}" not in listening

    assert gateway.bind(host, gateway.LOOPBACK, "dev") == ""
    sentence = gateway.bind(host, gateway.EVERYWHERE, "dev")
    assert sentence.startswith("dev is open to this computer alone: its Swarm is from before; say ")
