"""Services on the real Swarm: run once, watched until they are well, and looked at beforehand."""

import contextlib
import dataclasses
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any

import pytest

from slipway.cluster import ledger, stacks
from slipway.cluster.observed import observe
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import Refused, SlipwayError
from slipway.hosts.host import CommandResult, Dialogue
from slipway.hosts.local import LocalHost
from slipway.progress import SILENT
from slipway.releases import jobs, preflight, stack, stack_watch
from slipway.releases.application import Service
from slipway.releases.health import HealthWatch, NotHealthy
from slipway.releases.release import Release
from slipway.releases.stack_watch import StackWatch
from tests.fakes.host import FakeHost
from tests.fakes.reporter import RecordingReporter
from tests.integration.docker_sandbox import DockerSandbox, base_image

pytestmark = pytest.mark.engine


class Stage:
    """An environment nobody else has, and services of it from the plain Debian image."""

    def __init__(self, manager: LocalHost) -> None:
        self.manager = manager
        plain = environment.load("dev")
        project = f"t{uuid.uuid4().hex[:7]}"
        settings = MappingProxyType({**plain.settings, "PROJECT": project})
        self.env: Environment = dataclasses.replace(plain, settings=settings)
        argv = [
            "docker",
            "image",
            "inspect",
            "--format",
            "{{.Id}}",
            base_image("debian:trixie-slim"),
        ]
        self.image = manager.run(argv).out.strip()

    def release(self, role: str, script: str, **spec: Any) -> Release:
        full: dict[str, Any] = {"image": "debian", "networks": {"default": None}}
        full |= {"command": ["bash", "-c", script], "user": "10001:10001", **spec}
        service = Service("one", role, full)  # type: ignore[arg-type]
        tags, images = {"one": "debian"}, {"one": self.image}
        return Release(1, "c0ffee", images, tags, images, {}, (service,))

    def run_once(self, script: str, timeout: float = 600) -> jobs.JobOutput:
        release = self.release("job", script)
        job = jobs.Job(release.services[0], timeout=timeout)
        return jobs.run(self.manager, self.env, release, job)

    def start(self, script: str, **spec: Any) -> str:
        name = f"{self.env.prefix}-blue"
        release = self.release("colour", script, **spec)
        stacks.deploy(self.manager, name, stack.colour_stack(self.env, release, "blue"))
        return name


@pytest.fixture
def stage(manager: LocalHost) -> Iterator[Stage]:
    made = Stage(manager)
    try:
        yield made
    finally:
        DockerSandbox(made.env.prefix).sweep()


def test_a_job_runs_once_to_its_end_and_its_words_come_back(stage: Stage) -> None:
    outcome = stage.run_once("echo one; echo two >&2; id -u")
    assert outcome.succeeded
    assert sorted(outcome.lines) == ["10001", "one", "two"]
    assert DockerSandbox(stage.env.prefix).docker("service", "ls", "-q", "--filter",
        f"label=slipway.app={stage.env.prefix}") == ""  # fmt: skip


def test_a_job_that_fails_is_not_tried_again_and_says_why(stage: Stage) -> None:
    outcome = stage.run_once("echo the table is gone; exit 3")
    assert not outcome.succeeded
    assert outcome.lines == ("the table is gone",)
    assert "3" in outcome.error


def test_a_job_that_does_not_end_is_ended(stage: Stage) -> None:
    began = time.monotonic()
    with pytest.raises(jobs.JobFailed, match=r"-one has not ended after 8 s \(running\)"):
        stage.run_once("sleep 300", timeout=8)
    assert time.monotonic() - began < 200


def test_a_service_is_well_when_its_health_check_says_so(stage: Stage) -> None:
    check = {"test": ["CMD", "test", "-e", "/tmp/well"], "interval": "200ms", "retries": 50}
    reporter = RecordingReporter()
    name = stage.start("sleep 1; touch /tmp/well; sleep 300", healthcheck=check)
    HealthWatch(name, 30, reporter).wait(stage.manager)
    assert reporter.notes[0] == "0 of 1 healthy"
    assert stack_watch.look(stage.manager, name).is_healthy
    stacks.remove(stage.manager, name)
    stacks.remove(stage.manager, name)


class Commanded(LocalHost):
    """An engine whose API cannot be reached: an old client, or one that is somebody else's."""

    @contextlib.contextmanager
    def dial(self, argv: Sequence[str], *, timeout: float) -> Iterator[Dialogue]:
        with super().dial(["false"], timeout=timeout) as dialogue:
            yield dialogue


class Dialled(LocalHost):
    """An engine that counts the commands that are run besides its API."""

    def __init__(self) -> None:
        super().__init__()
        self.commands = 0

    def run(self, argv: Sequence[str], **more: Any) -> CommandResult:
        self.commands += 1
        return super().run(argv, **more)


@pytest.mark.parametrize(
    ("script", "end", "wanted"),
    # Swarm stops wanting a task that failed a moment after it failed.
    [("sleep 300", "Running", "Running"), ("echo gone; exit 9", "Failed", "Shutdown")],
)
def test_the_api_shows_a_stack_as_commands_do_and_commands_go_on_without_it(
    stage: Stage, script: str, end: str, wanted: str
) -> None:
    name = stage.start(script, deploy={"restart_policy": {"condition": "none"}})
    state, over = stack_watch.look(stage.manager, name), time.monotonic() + 60
    while [(task.state, task.desired_state) for task in state.tasks] != [(end, wanted)]:
        assert time.monotonic() < over
        state = stack_watch.look(stage.manager, name)
    asked = Dialled()
    with StackWatch(asked, name) as watch:
        assert watch.look() == watch.look() == state
        assert asked.commands == 0
        asked.close()  # it ends the command that leads to the API
        assert watch.look() == state
        assert asked.commands == 1


def test_an_environment_is_read_by_the_api_as_by_commands(stage: Stage) -> None:
    app, asked = stage.env.prefix, Dialled()
    labels = {"slipway.app": app}
    stage.manager.run(ledger.create(f"{app}.second", labels | {"a": "b"}), stdin=b"2")
    stage.manager.run(ledger.create(f"{app}.first", labels), stdin=b"1")
    stacks.ensure_networks(stage.manager, app, {f"{app}-edge": ()})
    name = stage.start("sleep 300", environment={"COLOUR": "blue"})
    HealthWatch(name, 60, SILENT).wait(stage.manager)
    seen = observe(asked, app)
    assert [service.name for service in seen.stack(name)] == [f"{name}_one-blue"]
    assert (list(seen.configs), asked.commands) == ([f"{app}.second", f"{app}.first"], 0)
    by_commands = observe(Commanded(), app)
    assert abs(by_commands.now - seen.now) <= 60
    assert dataclasses.replace(by_commands, now=seen.now) == seen


def test_a_service_that_keeps_dying_is_given_up_with_its_last_words(stage: Stage) -> None:
    name = stage.start("echo SESSION_KEY is too short >&2; exit 9")
    with pytest.raises(NotHealthy) as caught:
        HealthWatch(name, 60, SILENT).wait(stage.manager, 5)
    text = str(caught.value)
    assert "one-blue on" in text and "non-zero exit (9)" in text
    assert "    SESSION_KEY is too short" in text.splitlines()


def test_a_service_that_never_gets_well_is_given_up_in_time(stage: Stage) -> None:
    check = {"test": ["CMD", "false"], "interval": "1s", "retries": 90}
    name = stage.start("echo waiting for the database; sleep 300", healthcheck=check)
    with pytest.raises(NotHealthy, match=r"not healthy after 4 s: (.|\n)*waiting for the database"):
        HealthWatch(name, 4, SILENT).wait(stage.manager)


def test_a_health_check_that_fails_is_named_with_its_output_while_it_is_waited_for(
    stage: Stage,
) -> None:
    script = "echo no table entries >&2; exit 3"
    check = {"test": ["CMD", "sh", "-c", script], "interval": "1s", "retries": 90}
    reporter = RecordingReporter()
    name = stage.start("sleep 300", healthcheck=check)
    sentence = f"its health check `sh -c '{script}'` ended with 3: no table entries"
    with pytest.raises(NotHealthy, match=re.escape(sentence)) as caught:
        HealthWatch(name, 13, reporter).wait(stage.manager)
    assert "the check is services.one.healthcheck of the compose files" in str(caught.value)
    assert f"{name}_one-blue: {sentence}" in reporter.notes


def test_a_task_that_ran_out_of_memory_says_so_with_its_limit(stage: Stage) -> None:
    limits = {"resources": {"limits": {"memory": "16M"}}}
    name = stage.start("tail /dev/zero", deploy=limits)
    with pytest.raises(NotHealthy, match="16 MB"):
        HealthWatch(name, 60, SILENT).wait(stage.manager, 5)


def test_a_stack_of_which_docker_would_drop_a_part_is_refused(stage: Stage) -> None:
    made = stack.colour_stack(stage.env, stage.release("colour", "true"), "blue")
    made["services"]["one-blue"]["security_opt"] = ["no-new-privileges"]
    with pytest.raises(SlipwayError, match=r"the Swarm would drop a part of .*: .*security_opt"):
        stacks.deploy(stage.manager, f"{stage.env.prefix}-blue", made)


def test_a_port_in_use_is_found_with_who_holds_it(stage: Stage, corner: DockerSandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(Refused, match=rf"port {port} of here is taken by .*{os.getpid()}"):
            preflight.check(stage.env, [stage.manager], {str(port)})
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        with pytest.raises(Refused, match=rf"port {port}/udp .* by .*{os.getpid()}.*HTTP3=off"):
            preflight.check(stage.env, [stage.manager], {str(port), f"{port}/udp"})
    container = corner.run(
        "debian:trixie-slim", "sleep", "60", options=("--publish", "127.0.0.1::80")
    )
    port = corner.port(container, 80)
    name = corner.docker("inspect", "--format", "{{.Name}}", container).removeprefix("/")
    with pytest.raises(
        Refused, match=rf"taken by the container {name}; .*HTTP_PORT in compose/dev"
    ):
        preflight.check(stage.env, [stage.manager], {str(port)})
    # Its own edge holds the port by right.
    settings = MappingProxyType({**stage.env.settings, "PROJECT": corner.app.removesuffix("-test")})
    own = dataclasses.replace(stage.env, name="test", settings=settings)
    preflight.check(own, [stage.manager], {str(port)})


def test_a_full_disk_is_found_before_anything_is_changed(stage: Stage) -> None:
    host = FakeHost("m1").answers("sh", out="free 900000000\n")
    with pytest.raises(Refused, match=r"m1 has 0\.9 GB free where Docker keeps its data"):
        preflight.check(stage.env, [host], {"80"})
