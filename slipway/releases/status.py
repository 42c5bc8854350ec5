"""What runs in an environment, read without changing anything and without needing every machine."""

from dataclasses import dataclass

from slipway.cluster import lease, ledger
from slipway.cluster.ledger import LedgerEntry
from slipway.cluster.observed import DeployedService, Observed, observe
from slipway.edge.edges import Edges
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, DifferenceFound
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.releases import backup_status, differences, history
from slipway.releases.backup_status import Backups
from slipway.releases.release import Release

SHOWN = 8


@dataclass(frozen=True)
class MachineState:
    """One machine and what its edge serves."""

    machine: str
    state: str
    role: str
    edge_serves: str


@dataclass(frozen=True)
class ServiceState:
    """One service; `health` is ok, starting or missing."""

    service: str
    colour: str
    running: str
    health: str
    image: str


@dataclass(frozen=True)
class Status:
    """Everything a person asks for first."""

    environment: str
    live: LedgerEntry | None
    machines: tuple[MachineState, ...]
    services: tuple[ServiceState, ...]
    history: tuple[LedgerEntry, ...]
    problems: tuple[str, ...]
    backups: Backups | None = None


def read(env: Environment) -> Status:
    """Read the status; a machine that does not answer is a problem in it, not a failure."""
    with connect.connected(env, lenient=True) as cluster:
        observed = observe(cluster.manager, env.prefix)
        return _status(env, cluster, observed)


def check(status: Status) -> None:
    """Raise DifferenceFound unless a release serves and nothing is wrong with it."""
    if status.live is None:
        raise DifferenceFound(f"{status.environment}: nothing is deployed yet")
    if status.problems:
        first, *others = status.problems
        more = f", and {len(others)} more" if others else ""
        raise DifferenceFound(f"{status.environment} is not as it should be: {first}{more}")


def _status(env: Environment, cluster: Cluster, observed: Observed) -> Status:
    events = ledger.entries(observed, env.prefix)
    live = ledger.live(events)
    serving = Edges(env.prefix, cluster.all).serving() if observed.services else {}
    machines = _machines(env, cluster, observed, serving)
    release = history.serving(cluster.manager, observed, env.prefix)
    services = tuple(_service(s, release) for s in observed.services if s.desired or not s.colour)
    problems = [*cluster.missing]
    problems += [f"{m.machine} is {m.state}" for m in machines if m.state != "ready"]
    problems += [
        f"{s.service} {s.colour}: {s.running} running".replace("  ", " ")
        for s in services
        if s.health != "ok"
    ]
    if live and release and not _is_changing(env, cluster, observed):
        problems += _differences(env, observed, release, live.colour)
    idents = {machine.edge_serves for machine in machines if machine.edge_serves}
    if len(idents) > 1:
        problems.append(f"the edges disagree: {', '.join(sorted(idents))}; inv deploy fixes it")
    elif live and idents and not next(iter(idents)).startswith(f"release-{live.release}-"):
        problems.append(
            f"the edges serve {idents.pop()}, not the live release; inv deploy fixes it"
        )
    newest = tuple(reversed(events))[:SHOWN]
    backups = None
    if live:
        try:
            backups = backup_status.read(env, cluster, observed)
            problems += backups.problems
        except ConfigError as error:  # a mistake in the policy must not hide what runs
            problems.append(str(error))
    return Status(env.name, live, tuple(machines), services, newest, tuple(problems), backups)


def _is_changing(env: Environment, cluster: Cluster, observed: Observed) -> bool:
    """Whether somebody is deploying: then two releases run side by side by right."""
    is_held = f"{env.prefix}.lease" in observed.configs
    return is_held and lease.holder_of(cluster.manager, env.prefix) is not None


def _differences(env: Environment, observed: Observed, release: Release, colour: str) -> list[str]:
    """Say what runs and is not the serving release's, with what to type."""
    lines = differences.differences(env, observed, release, colour)
    idle = sorted({service.colour for service in observed.services} - {"", colour})
    lines += [f"{each} still runs beside {colour}" for each in idle]
    again = f"inv rollback --env={env.name} --release={release.number}"
    return [f"{line}; inv deploy fixes it, or {again}" for line in lines]


def _machines(
    env: Environment, cluster: Cluster, observed: Observed, serving: dict[str, str]
) -> list[MachineState]:
    if env.is_local:
        names = {node.id: cluster.manager.name for node in observed.nodes}
    else:
        names = {node: host.name for node, host in cluster.hosts.items()}
    return [
        MachineState(
            machine=names.get(node.id, node.name),
            state=("ready" if node.availability == "active" else "drained")
            if node.is_ready
            else node.state,
            role=("leader" if node.leader else node.role) + (", data" if node.holds_data else ""),
            edge_serves=serving.get(names.get(node.id, ""), ""),
        )
        for node in observed.nodes
    ]


def _service(service: DeployedService, release: Release | None) -> ServiceState:
    tags = {release.images[name]: tag for name, tag in release.tags.items()} if release else {}
    health = "ok" if service.is_healthy else "starting" if service.running else "missing"
    return ServiceState(
        service=service.service,
        colour=service.colour,
        # Docker also counts tasks on a machine that it has lost.
        running=f"{min(service.running, service.desired)}/{service.desired}",
        health=health,
        image=tags.get(service.image, service.image),
    )
