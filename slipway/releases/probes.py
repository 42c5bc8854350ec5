"""Whether a release says that it is ready: asked from every edge, and in its own containers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from slipway.edge import questions
from slipway.edge.preview import Preview
from slipway.edge.questions import NotReady, Question
from slipway.errors import SlipwayError, last_line
from slipway.hosts import parallel
from slipway.hosts.host import Host
from slipway.hosts.parallel import HostsFailed
from slipway.releases import readiness, secret_variables, task_failures
from slipway.releases.application import Service

POLL = 0.5
LONGEST = 30  # seconds that a command may take

# $1 a service as the Swarm calls it, then the command; nothing where none of its containers is.
RUN = f"""
name=$1; shift
for id in $(docker ps -q --filter status=running \
  --filter "label=com.docker.swarm.service.name=$name"); do
  timeout {LONGEST} docker exec "$id" "$@" || exit $?
done
"""


@dataclass(frozen=True)
class Probe:
    """A service of a release, as it is called in its colour."""

    service: Service
    name: str

    @property
    def question(self) -> Question | None:
        """What an edge asks it, where an edge does."""
        ready = self.service.ready
        if not ready.is_asked_by_the_edge:
            return None
        return ready.question(self.service.name, self.name, self.service.port)


def of(services: Sequence[Service], colour: str) -> list[Probe]:
    """Return what of a release is asked; a service without a question has its health check."""
    ready = [service for service in services if service.ready.kind != "none"]
    return [Probe(service, f"{service.name}-{colour}") for service in ready]


def ask(
    app: str,
    stack: str,
    hosts: Sequence[Host],
    probes: Sequence[Probe],
    patience: float,
    preview: Preview | None = None,
) -> None:
    """Ask until all are ready, then have the edges try routes.

    Raises NotReady, with what one of them answered at last.
    """
    deadline = time.monotonic() + patience
    by_edges = [question for probe in probes if (question := probe.question)]
    questions.ask(app, hosts, by_edges, patience, preview)
    for probe in probes:
        if probe.service.ready.kind == "command":
            _run(hosts, stack, probe, deadline)


def with_last_words(
    error: SlipwayError, manager: Host, stack: str, hosts: Sequence[Host]
) -> SlipwayError:
    """Add what the service printed last, where an error is about one that is not ready."""
    failures = error.failures if isinstance(error, HostsFailed) else (error,)
    first = next((one for one in failures if isinstance(one, NotReady)), None)
    if first is None:
        return error
    lines = task_failures.last_words(manager, f"{stack}_{first.service}", hosts)
    return SlipwayError("\n".join([str(error), *(f"    {line}" for line in lines)]))


def _run(hosts: Sequence[Host], stack: str, probe: Probe, deadline: float) -> None:
    """Run a service's own command in each of its containers until it ends with 0 in all."""
    service = probe.service
    command = [*secret_variables.before(service.spec), *service.ready.command]
    argv = ["sh", "-uc", RUN, "sh", f"{stack}_{probe.name}", *command]

    def one(host: Host) -> None:
        while (result := host.run(argv, check=False)).code != 0:
            if time.monotonic() > deadline:
                shown = " ".join(service.ready.command)
                answer = last_line(result.err or result.out or "it printed nothing")
                text = f"`{shown}` in {probe.name} ended with {result.code}: {answer}"
                advice = readiness.advice(service.name)
                raise NotReady(host.name, f"{text}; {advice}", probe.name)
            time.sleep(POLL)

    parallel.each(hosts, one)
