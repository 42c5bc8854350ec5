"""A one-line change brought into service, and taken back, beside a plain `docker stack deploy`."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from benchmarks.plain import Plain
from benchmarks.section import Section
from benchmarks.stage import Stage, machines
from tests.e2e.rig import ENV
from tests.load.running import load

ROUNDS = 3
SETTLE_SECONDS = 5  # the default, which tests make shorter
RATE = 60.0  # requests a second on each machine
DEPLOY_GOAL, CUTOVER_GOAL, ROLLBACK_GOAL = 1.5, 1.0, 5.0


@dataclass
class Side:
    """What one way of deploying took, and what the load saw of it."""

    seconds: list[float] = field(default_factory=list)
    requests: int = 0
    failed: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def counted(self) -> str:
        return f"{self.failed} of {self.requests}"


@dataclass
class Taken:
    """All that was measured on one set of machines."""

    count: int
    ours: Side = field(default_factory=Side)
    plain: Side = field(default_factory=Side)
    back: Side = field(default_factory=Side)
    serving_again: list[float] = field(default_factory=list)
    cutovers: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.count} machine{'s' * (self.count != 1)}"


def measure() -> list[Section]:
    """Measure on one machine and on three; a deploy, its plain twin and a rollback in turn."""
    taken = []
    for count in (1, 3):
        with machines(count) as stage:
            taken.append(_measure(stage, count))
    return [_deploy_section(taken), _cutover_section(taken), _rollback_section(taken)]


def _measure(stage: Stage, count: int) -> Taken:
    taken, plain = Taken(count), Plain(stage.rig)
    stage.clone.set("common", SETTLE_TIME=str(SETTLE_SECONDS))
    plain.start(1)
    for number in range(2, 2 + ROUNDS):
        stage.change_a_line(number)
        _timed(stage, stage.rig.urls, taken.ours, lambda: _deploy(stage, taken))
        _timed(stage, plain.urls, taken.plain, partial(plain.deploy, number))
        _timed(stage, stage.rig.urls, taken.back, lambda: _return(stage, taken))
    return taken


def _timed(stage: Stage, urls: list[str], side: Side, change: Callable[[], float]) -> None:
    with load(urls, stage.folder / "records.tsv", rate=RATE) as made:
        time.sleep(1)
        side.seconds.append(change())
        time.sleep(2)
    side.requests += len(made.run.records)
    side.failed += made.failed


def _deploy(stage: Stage, taken: Taken) -> float:
    done = stage.clone.inv("deploy", f"--env={ENV}", "--json").expect()
    taken.cutovers.append(done.json["cutover_seconds"])
    return done.seconds


def _return(stage: Stage, taken: Taken) -> float:
    began = time.monotonic()
    running = stage.clone.begin("rollback", f"--env={ENV}", "--json")
    running.wait_for("acknowledged")
    taken.serving_again.append(time.monotonic() - began)
    done = running.wait().expect()
    taken.cutovers.append(done.json["cutover_seconds"])
    return done.seconds


def _deploy_section(taken: list[Taken]) -> Section:
    rows = []
    for each in taken:
        times = each.ours.median / each.plain.median
        for name, side, ratio in (("plain", each.plain, 1.0), ("Slipway", each.ours, times)):
            rows.append((each.name, name, f"{side.median:.1f} s", f"{ratio:.2f}", side.counted))
    slow = any(each.ours.median > DEPLOY_GOAL * each.plain.median for each in taken)
    return Section(
        name="deploy",
        title="Deploying a one-line change",
        goal=f"at most {DEPLOY_GOAL} times a plain `docker stack deploy`, no request failed",
        met=not slow and not any(each.ours.failed for each in taken),
        columns=("on", "way", "median", "times", "failed requests"),
        rows=rows,
        method=(
            f"{ROUNDS} rounds, in turn. Slipway: `inv deploy` from its start to its end, with "
            "checks, build of the changed layer (0.3 s), shipping over SSH, the drain of the old "
            f"colour and twice SETTLE_TIME ({SETTLE_SECONDS} s), in which no task may fail. Plain: "
            "`docker stack deploy --detach=false` on a manager, start-first, "
            "the same images already on every machine, behind the same edge. Machines are "
            f"rehearsal machines on this computer; {RATE:.0f} requests a second on each, 70 % on "
            "kept connections."
        ),
    )


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
