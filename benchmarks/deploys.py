"""A one-line change brought into service, and taken back, beside a plain `docker stack deploy`."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks.plain import Plain
from benchmarks.section import Section
from benchmarks.stage import Stage, machines
from tests.e2e.rig import ENV
from tests.load.running import load

COUNTS = (1, 3, 5)  # machines
ROUNDS = 3
SETTLE_SECONDS = 5  # the default, which tests make shorter
RATE = 60.0  # requests a second on each machine
# A warm deploy has nothing to build and nothing to send, and does not watch for SETTLE_TIME.
WARM_GOAL, WARM_SECONDS, MORE_MACHINES, ROUND_TRIPS = 0.5, 6.0, 1.4, 25
CUTOVER_GOAL, ROLLBACK_GOAL = 1.0, 4.0


@dataclass
class Side:
    """What one way of deploying took, and what the load saw of it."""

    seconds: list[float] = field(default_factory=list)
    requests: int = 0
    failed: int = 0
    timings: list[list[dict[str, Any]]] = field(default_factory=list)  # of each deploy, its steps

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def counted(self) -> str:
        return f"{self.failed} of {self.requests}"

    @property
    def commands(self) -> tuple[int, int]:
        """Return how many one machine had to do at most, and how many all had to."""
        hosts: dict[str, int] = {}
        for step in self.timings[-1]:
            for name, count in step["commands"].items():
                hosts[name] = hosts.get(name, 0) + count
        return max(hosts.values()), sum(hosts.values())

    @property
    def sent(self) -> float:
        """Return the bytes that one of the machines was sent."""
        hosts = {name for step in self.timings[-1] for name in step["commands"]}
        return sum(int(step["sent"]) for step in self.timings[-1]) / len(hosts)


@dataclass
class Taken:
    """All that was measured on one set of machines."""

    count: int
    plain: Side = field(default_factory=Side)
    ours: Side = field(default_factory=Side)
    warm: Side = field(default_factory=Side)
    unwatched: Side = field(default_factory=Side)
    back: Side = field(default_factory=Side)
    serving_again: list[float] = field(default_factory=list)
    cutovers: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.count} machine{'s' * (self.count != 1)}"

    @property
    def ways(self) -> dict[str, Side]:
        """The ways of deploying, as the table calls them."""
        return {
            "plain": self.plain,
            "Slipway, a changed image": self.ours,
            "Slipway, images there": self.warm,
            "the same, SETTLE_TIME=0": self.unwatched,
        }


def measure() -> list[Section]:
    """Measure on few machines and on more; a deploy, its plain twin and a rollback in turn."""
    busy = f"The load average of this computer was {os.getloadavg()[1]:.1f} before."
    taken = []
    for count in COUNTS:
        with machines(count) as stage:
            taken.append(_measure(stage, count))
    return [_deploy_section(taken, busy), _cutover_section(taken), _rollback_section(taken)]


def _measure(stage: Stage, count: int) -> Taken:
    taken, plain = Taken(count), Plain(stage.rig)
    _settle_for(stage, SETTLE_SECONDS)
    plain.start(1)
    urls = stage.rig.urls
    for number in range(2, 2 + ROUNDS):
        stage.change_a_line(number)
        _timed(stage, urls, taken.ours, partial(_deploy, stage, taken, taken.ours))
        _timed(stage, plain.urls, taken.plain, partial(plain.deploy, number))
        _timed(stage, urls, taken.back, partial(_return, stage, taken))
        _timed(stage, urls, taken.warm, partial(_deploy, stage, taken, taken.warm))
    _settle_for(stage, 0)
    for _ in range(ROUNDS):
        stage.clone.inv("rollback", f"--env={ENV}").expect()
        _timed(stage, urls, taken.unwatched, partial(_deploy, stage, taken, taken.unwatched))
    return taken


def _settle_for(stage: Stage, seconds: int) -> None:
    stage.clone.set("common", SETTLE_TIME=str(seconds))
    stage.clone.commit(f"Watch for {seconds} s")
    stage.rig.deploy()


def _timed(stage: Stage, urls: list[str], side: Side, change: Callable[[], float]) -> None:
    with load(urls, stage.folder / "records.tsv", rate=RATE) as made:
        time.sleep(1)
        side.seconds.append(change())
        time.sleep(2)
    side.requests += len(made.run.records)
    side.failed += made.failed


def _deploy(stage: Stage, taken: Taken, side: Side) -> float:
    outcome = stage.clone.inv("deploy", f"--env={ENV}", "--json").expect()
    taken.cutovers.append(outcome.json["cutover_seconds"])
    side.timings.append(outcome.json["timings"])
    return outcome.seconds


def _return(stage: Stage, taken: Taken) -> float:
    began = time.monotonic()
    running = stage.clone.begin("rollback", f"--env={ENV}", "--json")
    running.wait_for("acknowledged")
    taken.serving_again.append(time.monotonic() - began)
    done = running.wait().expect()
    taken.cutovers.append(done.json["cutover_seconds"])
    return done.seconds


def _deploy_section(taken: list[Taken], busy: str) -> Section:
    rows = []
    for each in taken:
        for name, side in each.ways.items():
            times = f"{side.median / each.plain.median:.2f}"
            row = (each.name, name, f"{side.median:.1f} s", times, *_round_trips(side))
            rows.append((*row, side.counted))
    sides = [each.unwatched for each in taken]
    is_met = all(
        each.unwatched.median <= min(WARM_SECONDS, WARM_GOAL * each.plain.median) for each in taken
    )
    is_met &= all(side.commands[0] <= ROUND_TRIPS for side in sides)
    is_met &= sides[-1].median <= MORE_MACHINES * sides[0].median
    is_met &= not any(side.failed for each in taken for side in each.ways.values())
    return Section(
        name="deploy",
        title="Deploying a one-line change",
        goal=(
            f"with images there and SETTLE_TIME=0 at most {WARM_GOAL} times a plain `docker stack "
            f"deploy` and {WARM_SECONDS:.0f} s, at most {ROUND_TRIPS} commands on each machine, "
            f"at most {MORE_MACHINES} times as long on more machines, no request failed"
        ),
        met=is_met,
        columns=(
            *("on", "way", "median", "times", "commands on the busiest machine", "on all"),
            *("sent to each", "failed requests"),
        ),
        rows=rows,
        method=(
            f"{ROUNDS} rounds, in turn. Slipway: `inv deploy` from its start to its end, with "
            "checks, the drain of the old colour and twice SETTLE_TIME "
            f"({SETTLE_SECONDS} s, the default), in which no task may fail; a changed image is "
            "also built (0.3 s) and sent over SSH. Commands and bytes are those of `--timings`. "
            "Plain: `docker stack deploy --detach=false` on a manager, start-first, with the 5 s "
            "for which docker watches a new task, the same images already on every machine, behind "
            "the same edge. Machines are rehearsal machines on this computer; "
            f"{RATE:.0f} requests a second on each, 70 % on kept connections. {busy}"
        ),
    )


def _round_trips(side: Side) -> tuple[str, str, str]:
    if not side.timings:
        return "", "", ""
    most, together = side.commands
    return str(most), str(together), f"{side.sent / 1000:.0f} kB"


def _cutover_section(taken: list[Taken]) -> Section:
    rows = [
        (
            each.name,
            len(each.cutovers),
            f"{statistics.median(each.cutovers) * 1000:.0f} ms",
            f"{max(each.cutovers) * 1000:.0f} ms",
        )
        for each in taken
    ]
    return Section(
        name="cutover",
        title="Cutting over",
        goal=f"at most {CUTOVER_GOAL:.0f} s from healthy to “every edge acknowledged”",
        met=all(max(each.cutovers) <= CUTOVER_GOAL for each in taken),
        columns=("on", "cutovers", "median", "slowest"),
        rows=rows,
        method="`cutover_seconds` of `inv deploy --json` and `inv rollback --json`, under load.",
    )


def _rollback_section(taken: list[Taken]) -> Section:
    rows = [
        (
            each.name,
            f"{statistics.median(each.serving_again):.1f} s",
            f"{each.back.median:.1f} s",
            each.back.counted,
        )
        for each in taken
    ]
    slow = any(statistics.median(each.serving_again) > ROLLBACK_GOAL for each in taken)
    return Section(
        name="rollback",
        title="Rolling back",
        goal=f"at most {ROLLBACK_GOAL:.0f} s until the earlier release serves, no request failed",
        met=not slow and not any(each.back.failed for each in taken),
        columns=("on", "serves everywhere after", "command ends after", "failed requests"),
        rows=rows,
        method=(
            "From the start of `inv rollback` until every edge has acknowledged, and until the "
            "command has also tidied up; under the same load."
        ),
    )
