"""Three rehearsal machines of the clone's staging environment, and what a test does to them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType

import httpx
import yaml

from tests.e2e.checkout import Checkout, CommandOutcome, docker
from tests.waiting import wait_until

ENV = "staging"
NAMES = ("m1", "m2", "m3")
Follow = Callable[..., CommandOutcome]  # a runbook by its name, with what is set


@dataclass(frozen=True)
class Rig:
    """The machines, all of them managers; whichever was ready first holds the data."""

    checkout: Checkout
    ports: dict[str, int]
    secrets_since: int = 0  # when its secrets were made

    @property
    def app(self) -> str:
        return f"{self.checkout.project}-{ENV}"

    @property
    def urls(self) -> list[str]:
        return [self.url(name) for name in self.ports]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def roles(self) -> dict[str, str]:
        """Return the machines there are now and the role of each."""
        rows = self.checkout.inv("machine.ls", f"--env={ENV}", "--json").expect().json
        return {row["name"]: row["role"] for row in rows}

    def spare(self) -> str:
        """Return a machine without data; never m1, which the tests ask about the others."""
        roles = self.roles()
        return next(name for name in roles if name != NAMES[0] and "data" not in roles[name])

    def container(self, name: str) -> str:
        return f"{self.app}-{name}"

    def on(self, name: str, *argv: str) -> str:
        """Run a command on a machine, past the kit."""
        return docker("exec", self.container(name), *argv)

    def lead_with(self, name: str) -> list[str]:
        """Have this machine be the manager that commands speak to first; return the next ones."""
        path = self.checkout.path(f".slipway/{ENV}/machines.yml")
        machines = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump({name: machines.pop(name)} | machines, sort_keys=False))
        return list(machines)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Freeze sshd and engine of a machine for a block; its kernel still answers."""
        container = self.container(name)

        def pause() -> bool:  # the kernel does not always manage
            docker("pause", container, check=False)
            return docker("inspect", "--format", "{{.State.Paused}}", container) == "true"

        wait_until("it is frozen", pause)
        try:
            yield
        finally:
            docker("unpause", container)
            wait_until("it is back", lambda: "Down" not in self.on(name, "docker", "node", "ls"))

    def deploy(self, *words: str, code: int = 0) -> "str":
        return self.checkout.inv("deploy", f"--env={ENV}", *words).expect(code).text

    def releases(self, names: Sequence[str] = NAMES) -> set[str]:
        """Ask each edge which release answers."""
        return {
            httpx.get(f"{self.url(n)}/api/version", timeout=10).json()["release"] for n in names
        }

    def tasks(self) -> list[str]:
        """Return what runs on all machines together; a task is one container's whole life."""
        return tasks(lambda *words: self.on("m1", "docker", *words), self.app)

    def replicas(self) -> dict[str, str]:
        """Return the replicas that run and the machine of each; an edge belongs to its machine."""
        label = f"label=slipway.app={self.app}"
        names = self.on("m1", "docker", "service", "ls", "--filter", label, "--format", "{{.Name}}")
        form = "{{.Name}} {{.Node}} {{.CurrentState}}"
        kept = ("--filter", "desired-state=running", "--format", form)
        lines = self.on("m1", "docker", "service", "ps", *kept, *names.split()).splitlines()
        found = [line.split() for line in lines if not line.startswith(f"{self.app}-edge_edge.")]
        return {name: node for name, node, state, *_ in found if state == "Running"}


def tasks(engine: Callable[..., str], app: str) -> list[str]:
    """Ask a Swarm for the tasks of an environment; those that are about to end do not count."""
    services = engine("service", "ls", "--quiet", "--filter", f"label=slipway.app={app}").split()
    kept = ("--no-trunc", "--quiet", "--filter", "desired-state=running")
    return sorted(engine("service", "ps", *kept, *services).split()) if services else []


def build(checkout: Checkout, names: Sequence[str] = NAMES) -> Rig:
    """Make the machines at once, as several people would in several terminals."""
    created = [
        checkout.begin("machine.create", f"--env={ENV}", "--provider=local", f"--name={name}")
        for name in names
    ]
    for running in created:
        running.wait().expect()
    inventory = yaml.safe_load(checkout.path(f".slipway/{ENV}/machines.yml").read_text())
    return Rig(checkout, {name: inventory[name]["http_port"] for name in names})


def deployed(
    checkout: Checkout,
    names: Sequence[str] = NAMES,
    *,
    impatient: bool = False,
    secrets: Mapping[str, str] = MappingProxyType({}),
) -> Rig:
    """Make machines and deploy the first release to them, with secrets of its own or these.

    `impatient` has the sick given up as soon as this computer allows, by how long it takes for the
    machines. It stays as it is: another limit would be another edge.
    """
    began = time.monotonic()
    made = replace(build(checkout, names), secrets_since=int(time.time()))
    if impatient:
        took = time.monotonic() - began
        checkout.set(ENV, HEALTH_TIMEOUT=f"{max(30, 2 * took):.0f}")
    checkout.inv("secrets.create", f"--env={ENV}").expect()
    for key, value in secrets.items():
        checkout.keep_secret(ENV, key, value)
    checkout.commit(f"Make {ENV}'s secrets")
    made.deploy()
    return made


def deploy_while_frozen(three: Rig, name: str, days: str, *words: str) -> CommandOutcome:
    """Deploy a changed setting, and freeze a machine while the new colour is filled."""
    three.checkout.set(ENV, SESSION_DAYS=days)
    three.checkout.commit("Change a setting")
    running = three.checkout.begin("deploy", f"--env={ENV}", *words)
    running.wait_for(" healthy")
    with three.frozen(name):
        return running.wait()
