"""A one-line change brought into service, and taken back, beside a plain `docker stack deploy`."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.plain import Plain
from benchmarks.rollout import Rollout
from benchmarks.section import Section
from benchmarks.stage import Stage, machines
from tests.e2e import checkout, leftovers, rig
from tests.e2e.rig import ENV
from tests.load.running import load

ROUNDS = 3
BEFORE = "v0.2.0"
RATE = 60.0  # requests a second on each machine
# What a deploy waits for knowingly is left out of the goal: SETTLE_TIME, twice.
WARM_GOAL, WARM_SECONDS, ROUND_TRIPS = 0.5, 6.0, 25
CUTOVER_GOAL, RETURN_SECONDS, SERVING_SECONDS = 1.0, 2.5, 4.0
PLAIN, ROLLOUT = "`docker stack deploy`, start-first", "docker-rollout, the page alone"
OLD, BUILT = "Slipway 0.2.0, a changed image", "Slipway, a changed image"
THERE, QUICK = "Slipway, images there", "Slipway, images there, `SETTLE_TIME=0`"
WARM, COLD = "rollback to a warm colour", "rollback that starts a colour"


@dataclass
class Side:
    """What one way took, and what the load saw of it."""

    seconds: list[float] = field(default_factory=list)
    serving: list[float] = field(default_factory=list)  # until every edge had acknowledged
    cutovers: list[float] = field(default_factory=list)
    requests: int = 0
    failed: int = 0
    timings: list[list[dict[str, Any]]] = field(default_factory=list)  # of each deploy, its steps

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def commands(self) -> tuple[int, int]:
        """Return how many one machine had to do at most, and how many all had to."""
        hosts: dict[str, int] = {}
        for step in self.timings[-1]:
            for name, count in step["commands"].items():
                hosts[name] = hosts.get(name, 0) + count
        return max(hosts.values()), sum(hosts.values())

    def row(self, name: str, plain: float) -> tuple[str, ...]:
        """Say it in a line of the table."""
        times = f"{self.median / plain:.2f}"
        serving = f"{statistics.median(self.serving):.1f} s" if self.serving else ""
        cutover = f"{max(self.cutovers) * 1000:.0f} ms" if self.cutovers else ""
        commands = map(str, self.commands) if self.timings else ("", "")
        failed = f"{self.failed} of {self.requests}"
        return name, f"{self.median:.1f} s", times, serving, cutover, *commands, failed


Sides = dict[str, Side]


def measure(machines: str = "1,3", rounds: str = str(ROUNDS), **options: str) -> list[Section]:
    """Measure on so many machines. `before` measures the release before too, `docker_rollout` the
    plugin whose script it names, on one machine."""
    sections = []
    for count in map(int, machines.split(",")):
        busy = os.getloadavg()[1]
        sides = _measure(count, int(rounds), options.get("docker_rollout", ""))
        if options.get("before"):
            sides[OLD] = _measure_before(count, int(rounds))
        sections.append(_section(count, sides, f"{busy:.1f} before and {os.getloadavg()[1]:.1f}"))
    return sections


def _measure(count: int, rounds: int, rollout: str) -> Sides:
    sides = {name: Side() for name in (PLAIN, BUILT, THERE, QUICK, WARM, COLD)}
    with machines(count) as stage:
        plain, urls = Plain(stage.rig), stage.rig.urls
        _probe_as_delivered(stage)
        _settle_for(stage, 5)
        plain.start(1)
        for number in range(rounds):
            stage.change_a_line(number)
            _timed(stage, urls, sides[BUILT], partial(_deploy, stage, sides[BUILT]))
            newest = _live(stage)
            _timed(stage, plain.urls, sides[PLAIN], partial(plain.deploy, number))
            _timed(stage, urls, sides[WARM], partial(_return, stage, sides[WARM]))
            _timed(stage, urls, sides[THERE], partial(_deploy, stage, sides[THERE]))
            cold = partial(_return, stage, sides[COLD], newest)
            _timed(stage, urls, sides[COLD], cold)
        _settle_for(stage, 0)
        stage.change_a_line(rounds)
        stage.rig.deploy()
        for _ in range(rounds):
            _timed(stage, urls, sides[WARM], partial(_return, stage, sides[WARM]))
            _timed(stage, urls, sides[QUICK], partial(_deploy, stage, sides[QUICK]))
        if rollout and count == 1:
            other, sides[ROLLOUT] = Rollout(plain, Path(rollout)), Side()
            other.start()
            for number in range(rounds):
                _timed(stage, other.urls, sides[ROLLOUT], partial(other.deploy, number + 1))
    return sides


def _measure_before(count: int, rounds: int) -> Side:
    side, name = Side(), leftovers.new_name()
    with tempfile.TemporaryDirectory() as folder, leftovers.swept(name):
        clone = checkout.clone(Path(folder), name, at=BEFORE)
        made = rig.deployed(clone, [f"m{number}" for number in range(1, count + 1)])
        stage = Stage(made, Path(folder))
        for number in range(rounds):
            stage.change_a_line(number)
            _timed(stage, made.urls, side, partial(_deploy, stage, side))
    return side


def _probe_as_delivered(stage: Stage) -> None:
    """Ask containers as soon as the project does: tests have that done less often."""
    for path in stage.clone.path("compose").glob("*.yml"):
        text = path.read_text().replace("start_interval: 1s\n", "start_interval: 500ms\n")
        path.write_text(text)
    stage.clone.set("staging", KEEP_WARM="10")


def _settle_for(stage: Stage, seconds: int) -> None:
    stage.clone.set("common", SETTLE_TIME=str(seconds))
    stage.clone.commit(f"Watch for {seconds} s")
    stage.rig.deploy()


def _live(stage: Stage) -> str:
    rows = stage.clone.inv("releases", f"--env={ENV}", "--json").expect().json
    return next(str(row["release"]) for row in rows if row["state"] == "live")


def _timed(stage: Stage, urls: list[str], side: Side, change: Callable[[], float]) -> None:
    with load(urls, stage.folder / "records.tsv", rate=RATE) as made:
        time.sleep(1)
        side.seconds.append(change())
        time.sleep(1)
    side.requests += len(made.run.records)
    side.failed += made.failed


def _deploy(stage: Stage, side: Side) -> float:
    outcome = stage.clone.inv("deploy", f"--env={ENV}", "--json").expect()
    side.cutovers.append(outcome.json["cutover_seconds"])
    if timings := outcome.json.get("timings"):
        side.timings.append(timings)
    return outcome.seconds


def _return(stage: Stage, side: Side, release: str = "") -> float:
    began = time.monotonic()
    target = [f"--release={release}"] if release else []
    running = stage.clone.begin("rollback", f"--env={ENV}", "--json", *target)
    running.wait_for("acknowledged")
    side.serving.append(time.monotonic() - began)
    done = running.wait().expect()
    side.cutovers.append(done.json["cutover_seconds"])
    side.timings.append(done.json["timings"])
    return done.seconds


def _section(count: int, sides: Sides, load_average: str) -> Section:
    plain = sides[PLAIN].median
    quick, warm, cold = sides[QUICK], sides[WARM], sides[COLD]
    is_met = quick.median <= min(WARM_SECONDS, WARM_GOAL * plain)
    if count <= 3:  # of each more machine, as many as it is asked
        is_met &= max(sides[THERE].commands[1], quick.commands[1]) <= ROUND_TRIPS
    is_met &= warm.median <= RETURN_SECONDS
    is_met &= statistics.median(cold.serving) <= SERVING_SECONDS
    is_met &= max(warm.cutovers) <= CUTOVER_GOAL
    is_met &= not any(side.failed for name, side in sides.items() if name != ROLLOUT)
    where = f"{count} machine{'s' * (count != 1)}"
    return Section(
        name=f"deploy-{count}",
        title=f"Deploying a one-line change to {where}",
        goal=(
            f"with images there and `SETTLE_TIME=0` at most {WARM_GOAL} times a plain `docker "
            f"stack deploy` and {WARM_SECONDS:.0f} s, at most {ROUND_TRIPS} commands on up to "
            f"three machines together; a return to a warm colour ends within {RETURN_SECONDS} s, "
            f"one cutover of at most {CUTOVER_GOAL:.0f} s; an older release serves within "
            f"{SERVING_SECONDS:.0f} s; no request failed"
        ),
        met=is_met,
        columns=(
            *("way", "median", "times", "serves everywhere after", "slowest cutover"),
            *("commands on the busiest machine", "on all", "failed requests"),
        ),
        rows=[side.row(name, plain) for name, side in sides.items()],
        method=(
            f"{_rounds(len(sides[PLAIN].seconds))}. Slipway: a command from its start to its "
            "end, with checks, smoke tests and twice `SETTLE_TIME` (5 s, the default, unless it "
            "says 0), in which no task may fail; a changed image is built (0.3 s) and sent over "
            "SSH too. The old colour stays warm. Plain: `docker stack deploy --detach=false` on a "
            "manager, with the 5 s for which docker watches a new task, the same images already on "
            "every machine, behind the same edge. Machines are rehearsal machines on this "
            f"computer, so that all of them share its cores; {RATE:.0f} requests a second on each, "
            "70 % on kept connections. The load average of this computer was "
            f"{load_average} after."
        ),
    )


def _rounds(count: int) -> str:
    return "Each once" if count == 1 else f"In turn, {count} times"
