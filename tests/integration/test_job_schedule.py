"""Jobs at their times on the real Swarm, by the script that managers run, at moments of ours."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slipway.cluster import stacks
from slipway.cluster.observed import observe
from slipway.errors import Busy
from slipway.hosts.local import LocalHost
from slipway.machines import job_timer
from slipway.machines.connect import Cluster
from slipway.releases import job_schedule, job_status, jobs, one_off, stack, warm
from slipway.releases.job_status import JobRun
from slipway.releases.jobs import Job
from slipway.releases.release import Release
from slipway.releases.warm import WarmColour
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.test_services import Stage
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
AWAITS = "until [ -e /tmp/go ]; do sleep 0.1; done; "


class Clock(Stage):
    """An environment with one job at its times, and moments at which managers look at the clock."""

    def __init__(self, manager: LocalHost, folder: Path) -> None:
        super().__init__(manager)
        self.app = self.env.prefix
        self.cluster = Cluster(manager, {"here": manager})
        self.timer = folder / "job-timer"
        self.timer.write_text(job_timer.TIMER)

    def keep(self, script: str, **labels: str) -> Release:
        named = {"slipway.role": "job"} | {f"slipway.{k}": v for k, v in labels.items()}
        release = self.release("job", script, deploy={"labels": named})
        job_schedule.keep(self.env, self.cluster, observe(self.manager, self.app), release)
        return release

    @property
    def since(self) -> int:
        configs = observe(self.manager, self.app).configs.values()
        return next(int(each["slipway.since"]) for each in configs if "slipway.since" in each)

    def tick(self, now: int, managers: int = 1) -> None:
        argv = ["sh", str(self.timer), "tick", self.app, str(now)]
        running = [subprocess.Popen(argv) for _ in range(managers)]
        assert [one.wait(120) for one in running] == [0] * managers

    def run_of(self) -> JobRun:
        (run,) = job_status.read(self.manager, observe(self.manager, self.app), self.app)
        return run

    def let_end(self, state: str) -> None:
        found = ["docker", "ps", "-q", "--filter", f"label=slipway.app={self.app}"]
        wait_until("it runs", lambda: self.run_of().state == "running", timeout=60)
        container = self.manager.run(found).out.strip()
        self.manager.run(["docker", "exec", container, "touch", "/tmp/go"])
        wait_until("it has ended", lambda: self.run_of().state == state, timeout=60)


@pytest.fixture
def clock(manager: LocalHost, tmp_path: Path) -> Iterator[Clock]:
    made = Clock(manager, tmp_path)
    try:
        yield made
    finally:
        DockerSandbox(made.app).sweep()


def test_a_job_runs_at_its_time_once_however_many_managers_look_and_says_how_it_ended(
    clock: Clock,
) -> None:
    release = clock.keep(f"{AWAITS}echo no rows; exit 3", schedule="* * * * *", timeout="10m")
    sandbox = DockerSandbox(clock.app)
    clock.tick(clock.since)
    assert clock.run_of().state == "not yet"
    at = clock.since // 60 * 60 + 60
    clock.tick(at + 5, managers=3)
    assert [name for name in sandbox.names("config") if ".f." in name] == [
        f"{clock.app}.f.{job_schedule.key(clock.app, 'one')}.{at // 60}"
    ]
    with pytest.raises(Busy, match="one runs already, begun by schedule"):
        jobs.run(clock.manager, clock.env, release, Job(release.services[0]))
    clock.tick(at + 65)  # due again, and the first still runs
    assert len([name for name in sandbox.names("config") if ".f." in name]) == 1
    clock.let_end("failed")
    clock.tick(at + 59, managers=2)
    run = clock.run_of()
    assert (run.state, run.code, run.by) == ("failed", 3, "schedule")
    (problem,) = job_status.problems(clock.env, [run])
    assert f"the job one failed at {run.began}: non-zero exit (3); its lines: inv logs" in problem

    # Its next run takes too long, and is ended.
    clock.tick(at + 66)
    wait_until("it runs again", lambda: clock.run_of().state == "running", timeout=60)
    clock.tick(at + 66 + 601)
    run = clock.run_of()
    assert (run.state, run.reason) == ("failed", "it was ended after its time limit of 600 s")
    wait_until("it is gone", lambda: sandbox.docker("ps", "-q", "--filter",
        f"label={sandbox.label}") == "", timeout=60)  # fmt: skip


def test_a_time_that_was_missed_is_skipped_or_made_up_as_the_label_says(clock: Clock) -> None:
    now = observe(clock.manager, clock.app).now
    due = datetime.fromtimestamp(now // 60 * 60 + 120, UTC)
    expression = f"{due.minute} {due.hour} * * *"
    clock.keep(AWAITS, schedule=expression)
    clock.tick(int(due.timestamp()) + 3600)
    assert clock.run_of().state == "not yet"
    since = clock.since
    clock.keep(AWAITS, schedule=expression, missed="run")
    assert clock.since == since  # the same times
    clock.tick(int(due.timestamp()) + 3600)
    clock.let_end("ok")


def test_a_job_that_has_no_times_any_more_is_not_started_and_swept_away(clock: Clock) -> None:
    clock.keep(AWAITS, schedule="* * * * *")
    now = clock.since + 60
    clock.tick(now)
    clock.let_end("ok")
    one_off.sweep(clock.manager, clock.app, -1, "job")
    assert clock.run_of().state == "ok"
    clock.keep(AWAITS)
    clock.tick(now + 60)
    one_off.sweep(clock.manager, clock.app, -1, "job")
    wait_until("it is gone", lambda: observe(clock.manager, clock.app).services == ())
    assert DockerSandbox(clock.app).names("config") == []
    clock.keep(AWAITS, schedule="* * * * *")
    for result in ("none starts any more", "none has times"):
        observed = observe(clock.manager, clock.app)
        assert job_schedule.end(clock.env, clock.cluster, observed) == result
    assert DockerSandbox(clock.app).names("config") == []


def test_a_colour_kept_warm_ends_when_its_time_is_up_unless_a_rollback_returned_to_it(
    clock: Clock,
) -> None:
    kept = {"labels": {"slipway.role": "colour", "slipway.warm": "keep"}}
    release = clock.release("colour", "sleep 600", deploy=kept, init=True)
    one = release.services[0]
    worker = replace(one, name="worker", spec={**one.spec, "deploy": {}})
    images = dict.fromkeys(("one", "worker"), clock.image)
    release = replace(release, services=(one, worker), images=images)
    name, sandbox = f"{clock.app}-blue", DockerSandbox(clock.app)

    def keep() -> WarmColour:
        stacks.deploy(clock.manager, name, stack.colour_stack(clock.env, release, "blue"))
        return warm.keep(clock.manager, clock.app, "blue", release, 1)

    def services() -> list[str]:
        return [each.service for each in observe(clock.manager, clock.app).services]

    left = keep()
    assert warm.of(observe(clock.manager, clock.app), clock.app) == left
    clock.tick(left.until - 1)
    assert services() == ["one"]
    clock.tick(left.until, managers=3)
    assert services() == [] and sandbox.names("config") == []

    left = keep()
    assert warm.claim(clock.manager, clock.app)
    assert not warm.claim(clock.manager, clock.app)
    clock.tick(left.until + 1)
    assert services() == ["one"]
