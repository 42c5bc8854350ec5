"""What is offered at TAB, by the real tasks in a folder with names of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.completion import answer
from slipway.project import ROOT
from tasks import completion_index

COMPOSE = """
x-common: &common
  init: true
services:
  # the first
  api:
    <<: *common
    environment:
      KEY: value
  "web":
    image: web
networks:
  edge: {}
"""
MACHINES = "# kept by inv\nm1:\n  host: 10.0.0.1\nm2:\n  host: 10.0.0.2\n"


@pytest.fixture(scope="module")
def tasks() -> dict[str, answer.Task]:
    return answer.parse(list(completion_index.lines()))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "compose/common.env": "",
        "compose/prod.env": "",
        "compose/dev.env": "",
        "compose/edge.env": "",
        "compose/compose.yml": COMPOSE,
        "compose/compose.prod.yml": "services:\n    mail: {image: mail}\n",
        "compose/prod.machines.yml": MACHINES,
        ".slipway/dev/machines.yml": "lab:\n  host: 10.0.0.9\n",
        ".slipway/runs/20260101T000000Z-deploy/events": "",
        "runbooks/README.md": "",
        "runbooks/deploy.md": "",
        "runbooks/restore.md": "",
        "runbooks/alerts/_index.md": "",
        "runbooks/alerts/disk.md": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("dep", ["deploy"]),
        ("machine.p", ["machine.provision"]),
        ("deploy --p", ["--plan", "--promote"]),
        ("deploy --env=dev --e", []),
        ("deploy --env=dev --plan db.migrate --e", ["--env="]),
        ("deploy --env=", ["--env=dev", "--env=prod", "--env=edge"]),
        ("deploy --env p", ["prod"]),
        ("db.restore --origin=d", ["--origin=dev"]),
        ("logs --service=", ["--service=api", "--service=mail", "--service=web"]),
        ("logs --env=dev --service=", ["--service=api", "--service=web"]),
        ("machine.rm --env=prod --name=", ["--name=m1", "--name=m2"]),
        ("machine.ssh --env dev --name ", ["lab"]),
        ("machine.ssh --name=l", ["--name=lab"]),
        ("machine.create --provider=l", ["--provider=local"]),
        ("machine.create --name=", [":files"]),
        ("runbook.run --name=", ["--name=alerts/disk", "--name=deploy", "--name=restore"]),
        ("runbook.run --name=alerts/d", ["--name=alerts/disk"]),
        ("runbook.run --name=./", [":files"]),
        ("runbook.run --set=a=1 --se", ["--set=", "--section="]),
        ("runbook.run --resume=2", ["--resume=20260101T000000Z-deploy"]),
        ("runbook.new --task=db.roll", ["--task=db.rollback"]),
        ("test --only=unit,l", ["--only=unit,lint"]),
        ("test --only lint,uni", ["lint,unit"]),
        ("completion --shell=", ["--shell=bash", "--shell=zsh", "--shell=fish"]),
        ("--help=rollb", ["--help=rollback"]),
        ("--list-f", ["--list-format="]),
        ("machine.copy --put=", [":files"]),
        ("nonsense --x", []),
    ],
)
def test_tab_offers(
    root: Path, tasks: dict[str, answer.Task], line: str, offered: list[str]
) -> None:
    assert [word for word, _ in answer.complete(str(root), tasks, line.split(" "))] == offered


def test_an_empty_word_behind_a_task_is_a_flag(root: Path, tasks: dict[str, answer.Task]) -> None:
    offered = answer.complete(str(root), tasks, ["up", ""])
    assert offered == answer.complete(str(root), tasks, ["up", "--"])
    assert ("deploy", tasks["deploy"].help) in answer.complete(str(root), tasks, [""])


def test_a_folder_without_files_offers_nothing(
    tmp_path: Path, tasks: dict[str, answer.Task]
) -> None:
    for line in ("deploy --env=", "logs --service=", "machine.rm --name=", "runbook.run --name="):
        assert answer.complete(str(tmp_path), tasks, line.split(" ")) == []


def test_every_flag_of_every_task_is_known_with_its_help() -> None:
    from tasks.cli import namespace
    from tasks.group import all_tasks

    tasks = answer.parse(list(completion_index.lines()))
    for name, task in all_tasks(namespace):
        arguments = {f"--{argument.names[0]}" for argument in task.flags()}
        assert tasks[name].flags.keys() == arguments
        assert tasks[name].help


def test_an_index_is_old_when_a_file_it_was_made_from_has_changed(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    file = tmp_path / "tasks" / "db.py"
    file.write_text("1")
    names = ("tasks", "tasks/db.py", "gone.py")
    lines = [f"S\t{name}\t{answer.stamp_of(str(tmp_path / name))}" for name in names]
    assert answer.is_fresh(str(tmp_path), lines)
    assert not answer.is_fresh(str(tmp_path), [])
    file.write_text("12")
    assert not answer.is_fresh(str(tmp_path), lines)
    file.unlink()
    assert not answer.is_fresh(str(tmp_path), lines)


def test_the_index_is_made_of_the_tasks_files() -> None:
    made_from = {line.split("\t")[1] for line in completion_index.lines() if line[0] == "S"}
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "tasks").glob("*.py")}
    others = {"tasks/command_index.py", "tasks/program.py"}  # they make no task
    assert files - made_from == others - made_from
    assert {"tasks", "slipway/checks/suite.py"} <= made_from


def test_an_answer_imports_next_to_nothing() -> None:
    line = "import sys; from slipway.completion import answer; print(*sys.modules)"
    argv = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = [{str(ROOT)!r}]; {line}"]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    loaded = subprocess.run(argv, capture_output=True, text=True, check=True, env=env).stdout
    assert not {"re", "json", "typing", "pathlib", "subprocess", "invoke"} & set(loaded.split())
