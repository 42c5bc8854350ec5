"""What a deploy reads of its machines before it changes anything: one command on each."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from slipway.edge import questions
from slipway.edge.edges import Edges, EdgesState
from slipway.edge.questions import Question
from slipway.environments.environment import Environment
from slipway.hosts import batch, parallel
from slipway.hosts.host import CommandResult, Host
from slipway.images import ship
from slipway.images.ship import Inventory
from slipway.machines import job_timer
from slipway.progress import Reporter
from slipway.releases import preflight

UNSEEN = EdgesState(frozenset([""]), 0)


@dataclass(frozen=True)
class MachineLooks:
    """What machines have answered; of none, that nothing is known."""

    edges: EdgesState = UNSEEN
    timers: frozenset[str] = frozenset()  # the machines on which the timer of jobs is seen to run
    inventory: Inventory = field(default_factory=dict)
    is_ready: bool = False  # whether an edge had each of its questions answered
    at: float = 0.0  # when they were asked, by the monotonic clock


@dataclass(frozen=True)
class MachineQuestions:
    """What is to be known of every machine besides what its edge serves and whether the timer
    runs: the requests open to services that are `warm`, whether it has disk and these ports `free`
    if there are any to name, which images it has. One edge asks `services` whether they are ready.
    """

    warm: Sequence[str] = ()
    free: Collection[str] | None = None
    with_images: bool = False
    services: Sequence[Question] = ()

    def ask(self, env: Environment, edges: Edges, reporter: Reporter) -> MachineLooks:
        """Raises Refused for disk or ports, CommandFailed for what cannot be seen."""
        client, at = preflight.reach(env, reporter), time.monotonic()
        commands = {"edge": edges.look(self.warm), "timer": job_timer.look()}
        if self.free is not None:
            commands["room"] = preflight.command(env, client, self.free)
        if self.with_images:
            commands["images"] = [*ship.LOOK]
        if self.services:
            commands["ready"] = questions.command(env.prefix, self.services)

        def one(host: Host) -> dict[str, CommandResult]:
            names = [name for name in commands if name != "ready" or host is edges.hosts[0]]
            results = batch.run(host, [commands[name] for name in names])
            answers = dict(zip(names, results, strict=True))
            if "room" in answers:
                preflight.judge(env, client, answers["room"])
            return answers

        every = parallel.each(edges.hosts, one)
        ready = every[0].get("ready")
        return MachineLooks(
            EdgesState.of([answers["edge"] for answers in every]),
            frozenset(each["timer"].host for each in every if job_timer.runs(each["timer"])),
            {
                each["images"].host: ship.read_images(each["images"])
                for each in every
                if "images" in each
            },
            ready is not None and ready.code == 0,
            at,
        )
