"""What runs in the Swarm right now, read from one manager over one command."""

import contextlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway import shell_scripts
from slipway.cluster import engine_api, node
from slipway.cluster.engine_api import EngineApi
from slipway.cluster.node import Node
from slipway.errors import HostError, Refused, last_line
from slipway.hosts.answers import reading
from slipway.hosts.host import Host

OBSERVE = (
    shell_scripts.read(__file__, "observed_swarm.sh")
    + node.LIST
    + shell_scripts.read(__file__, "observed_objects.sh")
)
LEADERLESS = ("does not have a leader", "has no leader", "deadline exceeded", "Unavailable")


@dataclass(frozen=True)
class DeployedService:
    """A service as the Swarm runs it."""

    id: str
    name: str
    stack: str
    service: str
    role: str
    image: str
    running: int
    desired: int
    labels: Mapping[str, str]
    environment: Mapping[str, str]
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    secrets: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()
    replicas: int | None = None  # None for one on every machine, and for a job

    @property
    def is_healthy(self) -> bool:
        return self.running >= self.desired

    @property
    def database(self) -> str:
        """Where it is told that the database is, `host:port/name`; nothing without one."""
        return database_of(self.environment)

    @property
    def colour(self) -> str:
        """The colour it runs in; nothing for a service that has none."""
        return self.environment.get("COLOUR", "") if self.role == "colour" else ""


@dataclass(frozen=True)
class Observed:
    """The state of one environment; `now` is the manager's clock in seconds, `configs` are in
    the order in which they were made."""

    swarm: str
    now: int
    nodes: tuple[Node, ...]
    services: tuple[DeployedService, ...]
    configs: Mapping[str, Mapping[str, str]]
    secrets: frozenset[str]
    networks: frozenset[str]

    @property
    def is_manager(self) -> bool:
        return self.swarm == "active true"

    def stack(self, name: str) -> tuple[DeployedService, ...]:
        """Return the services of one stack."""
        return tuple(service for service in self.services if service.stack == name)


def database_of(environment: Mapping[str, object]) -> str:
    """Name the database that an environment leads to, `host:port/name`; nothing without one."""
    if not environment.get("DATABASE_NAME"):
        return ""
    host, port = environment.get("DATABASE_HOST") or "", environment.get("DATABASE_PORT") or ""
    return f"{host}:{port}/{environment['DATABASE_NAME']}"


class NoQuorum(Refused):
    """Too few managers of the Swarm answer each other to agree on a leader."""


def observe(manager: Host, app: str, *, attempts: int = 60) -> Observed:
    """Read everything that belongs to `app`; `attempts`, twice a second, wait for a leader.

    Raises HostError when the engine does not answer, NoQuorum when there is no leader.
    """
    with contextlib.suppress(*engine_api.FAILURES), engine_api.dialled(manager) as api:
        return _ask(api, app)
    argv = ["sh", "-euc", OBSERVE, "sh", app, str(attempts)]
    result = manager.run(argv, timeout=60, check=False)
    reason = last_line(result.err or result.out)
    if result.code != 0 and "\nnow" not in result.out:
        raise HostError(manager.name, f"the Docker engine does not answer: {reason}")
    if result.code != 0 and any(sign in reason for sign in LEADERLESS):
        raise NoQuorum(
            "the managers of the Swarm have no leader, so too few of them answer; what runs keeps "
            "running. Nothing was changed; follow runbooks/lost-quorum.md"
        )
    with reading(manager.name, "what the Swarm runs"):
        return parse(result.check().out)


def lost_tasks(manager: Host, services: Sequence[str], hostnames: Collection[str]) -> Counter[str]:
    """Count the tasks of services that the Swarm believes to run on machines that are lost.

    Raises CommandFailed when it does not say.
    """
    if not services or not hostnames:
        return Counter()
    form = ["--no-trunc", "--filter", "desired-state=running", "--format", "{{json .}}"]
    result = manager.run(["docker", "service", "ps", *form, *services], timeout=30, check=False)
    if not result.out:  # with some, it is of services that are gone meanwhile that it complains
        result.check()
    with reading(manager.name, "which tasks run"):
        tasks = [json.loads(line) for line in result.out.splitlines()]
        return Counter(
            task["Name"].rpartition(".")[0]
            for task in tasks
            if task["Node"] in hostnames and task["CurrentState"].startswith("Running")
        )


def parse(text: str) -> Observed:
    """Read the lines that OBSERVE prints."""
    objects: dict[str, list[list[Any]]] = {}
    for line in text.splitlines():
        word, _, rest = line.partition("\t")
        objects.setdefault(word, []).append([json.loads(part) for part in rest.split("\t")])
    counts = {count["ID"]: str(count["Replicas"]) for (count,) in objects.get("count", [])}
    services = []
    for (spec,) in objects.get("service", []):
        # "2/3", or "0/1 (1/1 completed)" for a job
        text = counts.get(_short(spec["ID"], counts), "0/0").split(" ")[0]
        running, _, desired = text.partition("/")
        services.append(_service(spec, int(running), int(desired)))
    return Observed(
        swarm=str(objects["swarm"][0][0]),
        now=int(objects["now"][0][0]),
        nodes=_nodes([spec for (spec,) in objects.get("node", [])]),
        services=tuple(sorted(services, key=lambda service: service.name)),
        configs=_configs(
            [(int(index), name, labels) for index, name, labels in objects.get("config", [])]
        ),
        secrets=frozenset(str(name) for (name,) in objects.get("secret", [])),
        networks=frozenset(str(name) for (name,) in objects.get("network", [])),
    )


def _ask(api: EngineApi, app: str) -> Observed:
    """Read the same by the engine's API. Raises FAILURES, also when it is no manager."""
    label = f"slipway.app={app}"
    nodes, now = api.nodes(), api.now
    services = []
    for spec in api.services(label):
        status = spec["ServiceStatus"]
        services.append(_service(spec, status["RunningTasks"], status["DesiredTasks"]))
    configs = [(each["Version"]["Index"], each["Spec"]) for each in api.objects("configs", label)]
    return Observed(
        swarm="active true",
        now=now,
        nodes=_nodes(nodes),
        services=tuple(sorted(services, key=lambda service: service.name)),
        configs=_configs([(index, spec["Name"], spec["Labels"]) for index, spec in configs]),
        secrets=frozenset(each["Spec"]["Name"] for each in api.objects("secrets", label)),
        networks=frozenset(each["Name"] for each in api.objects("networks", label)),
    )


def _nodes(documents: Sequence[Mapping[str, Any]]) -> tuple[Node, ...]:
    return tuple(sorted(map(node.read, documents), key=lambda one: one.name))


def _configs(
    configs: Sequence[tuple[int, str, Mapping[str, str] | None]],
) -> dict[str, Mapping[str, str]]:
    """Sort by the Raft log's own count, since the clocks of those who deploy differ."""
    in_order = sorted(configs, key=lambda one: one[0])
    return {str(name): _labels(labels or {}) for _, name, labels in in_order}


def _labels(labels: Mapping[str, str]) -> dict[str, str]:
    return {str(key): str(value) for key, value in labels.items()}


def _service(spec: Mapping[str, Any], running: int, desired: int) -> DeployedService:
    labels = _labels(spec["Spec"]["Labels"])
    container = spec["Spec"]["TaskTemplate"]["ContainerSpec"]
    return DeployedService(
        id=spec["ID"],
        name=spec["Spec"]["Name"],
        stack=labels.get("com.docker.stack.namespace", ""),
        service=labels.get("slipway.service", ""),
        role=labels.get("slipway.role", ""),
        image=container["Image"],
        running=running,
        desired=desired,
        labels=labels,
        environment=dict(entry.partition("=")[::2] for entry in container.get("Env", [])),
        entrypoint=tuple(container.get("Command") or ()),
        command=tuple(container.get("Args") or ()),
        secrets=frozenset(secret["SecretName"] for secret in container.get("Secrets") or ()),
        volumes=frozenset(
            mount["Source"] for mount in container.get("Mounts") or () if mount["Type"] == "volume"
        ),
        replicas=(spec["Spec"].get("Mode", {}).get("Replicated") or {}).get("Replicas"),
    )


def _short(ident: str, counts: Mapping[str, str]) -> str:
    return next((known for known in counts if ident.startswith(known)), ident)
