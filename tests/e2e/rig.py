"""Three rehearsal machines of the clone's staging environment, and what a test does to them."""

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx
import yaml

from tests.e2e.checkout import Checkout, docker

ENV = "staging"
NAMES = ("m1", "m2", "m3")


@dataclass(frozen=True)
class Rig:
    """The machines; `m1` holds the data, all three are managers."""

    checkout: Checkout
    ports: dict[str, int]

    @property
    def app(self) -> str:
        return f"{self.checkout.project}-{ENV}"

    @property
    def urls(self) -> list[str]:
        return [self.url(name) for name in self.ports]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def container(self, name: str) -> str:
        return f"{self.app}-{name}"

    def on(self, name: str, *argv: str) -> str:
        """Run a command on a machine, past the kit."""
        return docker("exec", self.container(name), *argv)

    def deploy(self, *words: str, code: int = 0) -> "str":
        return self.checkout.inv("deploy", f"--env={ENV}", *words).expect(code).text

    def releases(self, names: Sequence[str] = NAMES) -> set[str]:
        """Ask each edge which release answers."""
        return {
            httpx.get(f"{self.url(n)}/api/version", timeout=10).json()["release"] for n in names
        }

    def containers(self) -> dict[str, str]:
        """Return the containers of the environment on every machine, by machine."""
        label = f"label=slipway.app={self.app}"
        argv = ("docker", "ps", "--quiet", "--no-trunc", "--filter", label)
        return {name: " ".join(sorted(self.on(name, *argv).split())) for name in NAMES}


def build(checkout: Checkout) -> Rig:
    """Make the three machines at once, as three people would in three terminals."""
    created = [
        checkout.begin("machine.create", f"--env={ENV}", "--provider=local", f"--name={name}")
        for name in NAMES
    ]
    for running in created:
        running.wait().expect()
    inventory = yaml.safe_load(checkout.path(f".slipway/{ENV}/machines.yml").read_text())
    return Rig(checkout, {name: inventory[name]["http_port"] for name in NAMES})


def wait_until(what: str, reached: Callable[[], bool], timeout: float) -> None:
    """Wait for something that others do; a failed question counts as “not yet”."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            if reached():
                return
        except (httpx.HTTPError, AssertionError, subprocess.SubprocessError):
            pass
        assert time.monotonic() < deadline, f"{what}: not within {timeout:.0f} s"
        time.sleep(0.25)
