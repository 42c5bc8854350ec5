"""Where docker leads is said before a task acts there, and only where a task does."""

import signal
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from slipway.environments.environment import Environment
from tasks.cli import namespace
from tasks.command import command
from tasks.group import all_tasks

NEVER = {
    "deploy",
    "plan",
    "secrets.create",
    "secrets.set",
    "secrets.add",
    "env.check",
    "env.show",
    "env.set",
    "env.diff",
    "secrets.unset",
    "secrets.generate",
    "secrets.edit",
    "secrets.list",
    "secrets.reveal",
    "secrets.diff",
    "secrets.history",
    "secrets.import",
    "runbook.run",
    "runbook.history",
    "kit.upgrade",
}  # deploy, which an upgrade may end with, and plan report more
LOOP, HERE, ELSEWHERE = None, SimpleNamespace(is_local=True), SimpleNamespace(is_local=False)


def test_every_task_that_acts_on_the_loop_or_here_says_where_docker_leads() -> None:
    tasks = {name: task for name, task in all_tasks(namespace) if "env" in task.parameters}
    assert {name for name, task in tasks.items() if not task.uses_docker(HERE)} == NEVER
    assert not any(task.uses_docker(ELSEWHERE) for task in tasks.values())
    optional = {name for name, task in tasks.items() if "env" not in task.required}
    assert optional > {"exec", "logs", "db.restore", "db.shell"}
    assert {name for name in optional if not tasks[name].uses_docker(LOOP)} == optional & NEVER
    assert dict(all_tasks(namespace))["down"].uses_docker(LOOP)


@pytest.fixture
def own_signals() -> Iterator[None]:
    """What a task takes over of the process that runs it, given back."""
    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for each, handler in handlers.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("own_signals")
def test_it_is_said_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @command()
    def remove(env: Environment) -> None:
        """Remove it."""
        before.append((env.name, capsys.readouterr().err))

    before: list[tuple[str, str]] = []
    monkeypatch.setenv("DOCKER_HOST", "tcp://far.example.com:2376")
    remove(None, env="dev")
    remove(None, env="prod")
    (here, text), elsewhere = before
    assert (here, elsewhere) == ("dev", ("prod", ""))
    assert text.startswith("docker talks to the engine at tcp://far.example.com:2376 (DOCKER_HOST)")
    assert text.count("\n") == 1
