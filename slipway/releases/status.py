"""What runs in an environment, read without changing anything and without needing every machine."""

from dataclasses import dataclass

from slipway.cluster import lease, ledger
from slipway.cluster.ledger import LedgerEntry
from slipway.cluster.node import Node
from slipway.cluster.observed import DeployedService, NoQuorum, Observed, lost_tasks, observe
from slipway.edge.edges import Edges
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, DifferenceFound
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.releases import backup_status, differences, history
from slipway.releases.backup_status import Backups
from slipway.releases.release import Release

SHOWN = 8
LOST = "runbooks/host-lost.md"


@dataclass(frozen=True)
class MachineState:
    """One machine and what its edge serves."""

    machine: str
    state: str
    role: str
    edge_serves: str


@dataclass(frozen=True)
class ServiceState:
    """One service; `health` is ok, starting, missing, stopped, or not seen: on a lost machine."""

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
    unknown: str = ""  # why it cannot be told what is deployed


def read(env: Environment) -> Status:
    """Read the status; a machine that does not answer is a problem in it, not a failure."""
    with connect.connected(env, lenient=True) as cluster:
        try:
            observed = observe(cluster.manager, env.prefix, attempts=10)
        except NoQuorum as error:
            return _without_quorum(env, cluster, str(error))
        return _status(env, cluster, observed)


def check(status: Status) -> None:
    """Raise DifferenceFound unless a release serves and nothing is wrong with it."""
    if status.live is None and not status.unknown:
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
    lost = lost_tasks(
        cluster.manager, [s.id for s in observed.services], _lost_machines(env, cluster, observed)
    )
    services = tuple(
        _service(s, release, lost[s.name])
        for s in observed.services
        if s.desired or s.colour in ("", live.colour if live else "")
    )
    problems = [*cluster.missing]
    problems += [
        f"{m.machine} is {m.state}: {'runbooks/machine.md' if m.state == 'drained' else LOST}"
        for m in machines
        if m.state != "ready"
    ]
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


def _without_quorum(env: Environment, cluster: Cluster, reason: str) -> Status:
    """Show what can be seen without the managers: which machines answer, what their edges serve."""
    serving = Edges(env.prefix, cluster.all).serving()
    machines = [MachineState(host.name, "answers", "", serving[host.name]) for host in cluster.all]
    problems = (*cluster.missing, reason)
    return Status(env.name, None, tuple(machines), (), (), problems, unknown=reason)


def _lost_machines(env: Environment, cluster: Cluster, observed: Observed) -> set[str]:
    """Return the host names of machines that the Swarm misses or that do not answer from here."""
    return {
        node.hostname
        for node in observed.nodes
        if not node.is_ready or not (env.is_local or node.id in cluster.hosts)
    }


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
            state=_state(node, is_reached=env.is_local or node.id in cluster.hosts),
            role=("leader" if node.leader else node.role) + (", data" if node.holds_data else ""),
            edge_serves=serving.get(names.get(node.id, ""), ""),
        )
        for node in observed.nodes
    ]


def _state(node: Node, *, is_reached: bool) -> str:
    if not node.is_ready:
        return node.state
    if not is_reached:
        return "not reached"
    return "ready" if node.availability == "active" else "drained"


def _service(service: DeployedService, release: Release | None, lost: int) -> ServiceState:
    tags = {release.images[name]: tag for name, tag in release.tags.items()} if release else {}
    health = "ok" if service.is_healthy else "starting" if service.running else "missing"
    if not service.desired:
        health = "stopped"
    if lost:
        health = "not seen"
    return ServiceState(
        service=service.service,
        colour=service.colour,
        running=f"{max(0, min(service.running, service.desired) - lost)}/{service.desired}",
        health=health,
        image=tags.get(service.image, service.image),
    )
