"""What runs in an environment, read without changing anything and without needing every machine."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from slipway.cluster import lease, ledger
from slipway.cluster.ledger import LedgerEntry
from slipway.cluster.node import AWAITED, Node
from slipway.cluster.observed import DeployedService, NoQuorum, Observed, lost_tasks, observe
from slipway.edge.copies import CertificateState
from slipway.edge.edges import Edges
from slipway.edge.routes import Maintenance
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, DifferenceFound, SlipwayError
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.releases import (
    backup_status,
    canary_record,
    certificates,
    differences,
    file_swaps,
    history,
    job_schedule,
    job_status,
    maintenance,
    network_status,
    volumes,
    warm,
)
from slipway.releases.backup_status import Backups
from slipway.releases.canary_record import RunningCanary
from slipway.releases.job_status import JobRun
from slipway.releases.release import Release
from slipway.releases.serving import Serving
from slipway.releases.warm import WarmColour
from slipway.secrets import role_passwords

SHOWN = 8
LOST = "runbooks/host-lost.md"


@dataclass(frozen=True)
class MachineState:
    """One machine and what its edge serves; one that is not reached was not asked."""

    machine: str
    state: str
    role: str
    edge_serves: str
    is_reached: bool = True


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
    """Everything a person asks for first.

    Machines and services were read at `seen_at`, from the manager `seen_by`, `age` seconds before
    the rest was.
    """

    environment: str
    live: LedgerEntry | None
    machines: tuple[MachineState, ...]
    services: tuple[ServiceState, ...]
    history: tuple[LedgerEntry, ...]
    problems: tuple[str, ...]
    backups: Backups | None = None
    unknown: str = ""  # why it cannot be told what is deployed
    seen_at: str = ""
    seen_by: str = ""
    age: float = 0.0
    notes: tuple[str, ...] = ()  # what is worth knowing and no problem
    jobs: tuple[JobRun, ...] = ()
    addresses: tuple[str, ...] = ()  # where people find it
    certificates: tuple[CertificateState, ...] = ()
    warm: WarmColour | None = None  # a colour that a rollback returns to by one cutover
    canary: RunningCanary | None = None  # a release that a share of the visitors meets


def read(env: Environment) -> Status:
    """Read the status; a machine that does not answer is a problem in it, not a failure."""
    with connect.connected(env, lenient=True) as cluster:
        return look(env, cluster)


def look(env: Environment, cluster: Cluster, clock: Callable[[], float] = time.time) -> Status:
    """Read the status from machines that are connected."""
    began = clock()
    try:
        observed = observe(cluster.manager, env.prefix, attempts=10)
        status = _status(env, cluster, observed)
    except NoQuorum as error:
        status = _without_quorum(env, cluster, str(error))
    at = datetime.fromtimestamp(began, UTC)
    return replace(status, seen_at=f"{at:%Y-%m-%dT%H:%M:%SZ}", age=round(clock() - began, 1))


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
    serving: dict[str, str] = {}
    if observed.services:
        cluster, serving = _ask_edges(env, cluster)
    machines = _machines(env, cluster, observed, serving)
    release = history.serving(cluster.manager, observed, env.prefix)
    problems = [*cluster.missing]
    try:
        ids = [service.id for service in observed.services]
        lost = lost_tasks(cluster.manager, ids, _lost_machines(env, cluster, observed))
    except SlipwayError as error:  # then none of them was seen
        problems.append(f"it cannot be told which tasks are lost: {error}")
        lost = Counter({service.name: service.running or 1 for service in observed.services})
    services = tuple(
        _service(s, release, lost[s.name])
        for s in observed.services
        if s.role not in (*job_status.ROLES, "notice")
        if s.desired or s.colour in ("", live.colour if live else "")
    )
    idle = warm.of(observed, env.prefix)
    problems += _unwell(machines, services, idle)
    problems += network_status.problems(env, cluster, release)
    if live and release and not _is_changing(env, cluster, observed):
        problems += filter(None, [file_swaps.problem(env, observed)])
        problems += _differences(env, observed, release, live.colour)
    if live:
        problems += _wrong_edges(env, machines, live, has_edge=bool(release and release.of("edge")))
    shown = certificates.read(env, cluster, release)
    problems += [f"{each.problem}: {certificates.RUNBOOK}" for each in shown if each.problem]
    newest = tuple(reversed(events))[:SHOWN]
    backups = None
    if live:
        try:
            backups = backup_status.read(env, cluster, observed, release)
            problems += backups.problems
        except ConfigError as error:  # a mistake in the policy must not hide what runs
            problems.append(str(error))
    jobs = job_status.read(cluster.manager, observed, env.prefix)
    problems += job_status.problems(env, jobs)
    problems += job_schedule.problems(env, cluster, release)
    status = Status(env.name, live, tuple(machines), services, newest, tuple(problems), backups)
    undecided = volumes.advice(env, release) if release else ""
    closed = maintenance.read(observed, env.prefix)
    canary = canary_record.running(cluster.manager, observed, env.prefix)
    advice = [
        canary.describe(env.name) if canary else "",
        _closed(env, closed),
        role_passwords.advice(env),
        job_status.advice(env, jobs),
        undecided,
        warm.advice(env, observed),
    ]
    notes = tuple(filter(None, advice))
    addresses = tuple(Serving(env, cluster, release, live.colour if live else "none").addresses)
    by = cluster.manager.name
    status = replace(status, seen_by=by, notes=notes, jobs=jobs, addresses=addresses)
    return replace(status, certificates=tuple(shown), warm=idle, canary=canary)


def _closed(env: Environment, closed: Maintenance | None) -> str:
    if closed is None:
        return ""
    end = f"; to open it: inv maintenance --env={env.name} --off"
    return f"closed for maintenance since {closed.at} by {closed.by}{end}"


def _unwell(
    machines: Sequence[MachineState], services: Sequence[ServiceState], idle: WarmColour | None
) -> Iterator[str]:
    """Name the machines and the services that are not as they should be; users have none of what
    is warm."""
    for machine in machines:
        if machine.is_reached and machine.state == AWAITED:
            yield f"{machine.machine} answers, and the new leader has not heard it yet: ask again"
        elif machine.state != "ready":
            runbook = "runbooks/machine.md" if machine.state == "drained" else LOST
            yield f"{machine.machine} is {machine.state}: {runbook}"
    for service in services:
        if service.health != "ok" and not (idle and service.colour == idle.colour):
            name = f"{service.service} {service.colour}".strip()
            yield f"{name}: {service.running} running"


def _wrong_edges(
    env: Environment, machines: Sequence[MachineState], live: LedgerEntry, *, has_edge: bool
) -> Iterator[str]:
    """Name the edges that do not serve what is live."""
    for machine in machines:
        if has_edge and machine.state == "ready" and not machine.edge_serves:
            look_at = f"inv logs --env={env.name} --service=edge"
            yield f"the edge on {machine.machine} does not answer: {look_at}"
    idents = sorted({machine.edge_serves for machine in machines if machine.edge_serves})
    if len(idents) > 1:
        yield f"the edges disagree: {', '.join(idents)}; inv deploy fixes it"
    elif idents and not idents[0].startswith(f"release-{live.release}-"):
        yield f"the edges serve {idents[0]}, not the live release; inv deploy fixes it"


def _ask_edges(env: Environment, cluster: Cluster) -> tuple[Cluster, dict[str, str]]:
    """Ask what each edge serves; return the cluster without machines that did not answer, too."""
    answers = Edges(env.prefix, cluster.all).attempt_serving()
    serving = {name: answer for name, answer in answers.items() if isinstance(answer, str)}
    failures = {name: str(answer) for name, answer in answers.items() if name not in serving}
    rest = cluster.without(failures)
    return replace(rest, missing=[*cluster.missing, *failures.values()]), serving


def _without_quorum(env: Environment, cluster: Cluster, reason: str) -> Status:
    """Show what can be seen without the managers: which machines answer, what their edges serve."""
    rest, serving = _ask_edges(env, cluster)
    machines = [
        MachineState(host.name, "answers", "", serving[host.name])
        if host.name in serving
        else MachineState(host.name, "not reached", "", "", is_reached=False)
        for host in cluster.all
    ]
    problems = (*rest.missing, reason)
    return Status(env.name, None, tuple(machines), (), (), problems, unknown=reason)


def _lost_machines(env: Environment, cluster: Cluster, observed: Observed) -> set[str]:
    """Return the host names of machines that the Swarm misses or that do not answer from here."""
    return {
        node.hostname
        for node in observed.nodes
        if not (node.is_ready or node.is_awaited) or not (env.is_local or node.id in cluster.hosts)
    }


def _is_changing(env: Environment, cluster: Cluster, observed: Observed) -> bool:
    """Whether somebody is deploying: then two releases run side by side by right."""
    is_held = f"{env.prefix}.lease" in observed.configs
    return is_held and lease.holder_of(cluster.manager, env.prefix) is not None


def _differences(env: Environment, observed: Observed, release: Release, colour: str) -> list[str]:
    """Say what runs and is not the serving release's, with what to type."""
    lines = differences.differences(env, observed, release, colour)
    warm_colour = left.colour if (left := warm.of(observed, env.prefix)) else ""
    idle = sorted({service.colour for service in observed.services} - {"", colour, warm_colour})
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
    states = []
    for node in observed.nodes:
        name = names.get(node.id, node.name)
        is_reached = env.is_local or node.id in cluster.hosts
        role = ("leader" if node.leader else node.role) + (", data" if node.holds_data else "")
        state, ident = _state(node, is_reached=is_reached), serving.get(name, "")
        states.append(MachineState(name, state, role, ident, is_reached))
    return states


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
