"""Jobs on the real Swarm: heard while they run, never two at once, let go, swept away."""

import threading
from collections.abc import Iterator

import pytest

from slipway.cluster.observed import observe
from slipway.errors import Busy
from slipway.hosts.local import LocalHost
from slipway.progress import SILENT
from slipway.releases import job_status, jobs, one_off, run_claim, stack
from slipway.releases.job_status import JobRun
from slipway.releases.jobs import Job
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.test_services import Stage
from tests.waiting import wait_until

pytestmark = pytest.mark.engine


@pytest.fixture
def stage(manager: LocalHost) -> Iterator[Stage]:
    made = Stage(manager)
    try:
        yield made
    finally:
        DockerSandbox(made.env.prefix).sweep()


def runs(stage: Stage) -> tuple[JobRun, ...]:
    app = stage.env.prefix
    return job_status.read(stage.manager, observe(stage.manager, app), app)


def test_lines_are_heard_while_a_job_runs_all_of_them_and_its_code_is_its_own(
    stage: Stage,
) -> None:
    # It ends only when its first line was heard: what is heard has it write a file that it awaits.
    script = "echo begun; until [ -e /tmp/go ]; do sleep 0.1; done; seq 2000; echo -n done; exit 7"
    release, heard = stage.release("job", script), list[str]()
    app = stage.env.prefix

    def hear(line: str) -> None:
        heard.append(line)
        if line == "begun":
            threading.Thread(target=go).start()

    def go() -> None:
        container = stage.manager.run(
            ["docker", "ps", "-q", "--filter", f"label=slipway.app={app}"]
        ).out.strip()
        stage.manager.run(["docker", "exec", container, "touch", "/tmp/go"])

    outcome = jobs.run(stage.manager, stage.env, release, Job(release.services[0]), SILENT, hear)
    assert heard == ["begun", *map(str, range(1, 2001)), "done"]
    assert (outcome.code, outcome.succeeded, outcome.lines) == (7, False, ())
    sandbox = DockerSandbox(app)
    assert sandbox.names("config") == []
    assert runs(stage) == ()


def test_a_job_that_was_let_go_is_one_at_a_time_and_seen_until_it_is_swept(stage: Stage) -> None:
    release = stage.release("job", "until [ -e /tmp/go ]; do sleep 0.1; done; exit 3")
    manager, app, job = stage.manager, stage.env.prefix, Job(release.services[0])
    assert jobs.start(manager, stage.env, release, job, 60).succeeded
    with pytest.raises(Busy, match=r"one runs already, begun by .* s ago"):
        jobs.run(manager, stage.env, release, job)
    one_off.sweep(manager, app, -1, "job", stack.ONCE)  # what runs is nobody's to sweep
    (run,) = runs(stage)
    assert (run.job, run.state, run.code) == ("one", "running", None)
    assert run.by
    container = manager.run(["docker", "ps", "-q", "--filter", f"label=slipway.app={app}"])
    manager.run(["docker", "exec", container.out.strip(), "touch", "/tmp/go"])
    wait_until("it has ended", lambda: runs(stage)[0].state == "failed", timeout=60)
    (run,) = runs(stage)
    assert (run.code, run.reason) == (3, "non-zero exit (3)")
    one_off.sweep(manager, app, 3600, "job", stack.ONCE)
    assert runs(stage) != ()
    run_claim.release(manager, run_claim.take(manager, app, "one"))
    one_off.sweep(manager, app, -1, "job", stack.ONCE)
    wait_until("it is swept", lambda: runs(stage) == (), timeout=60)
