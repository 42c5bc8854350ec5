"""./inv, run for real in a small copy of the project that needs two made-up packages."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.launcher_project import ROOT, Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("launcher") / "my project")


def works(project: Project) -> bool:
    return project.inv("x").stdout.rstrip().endswith("x")


def test_the_first_start_makes_venv_and_the_second_says_nothing(project: Project) -> None:
    first = project.inv("deploy", "--env=dev")
    assert "making .venv" in first.stderr
    second = project.inv("deploy", "--env=dev")
    assert (second.stderr, second.returncode) == ("", 7)
    assert second.stdout == first.stdout


def test_it_works_from_any_folder_and_through_a_link(project: Project, tmp_path: Path) -> None:
    works(project)
    link = tmp_path / "link"
    link.symlink_to(project.root / "inv")
    called = subprocess.run(
        [str(link), "a b"],
        cwd=tmp_path,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert called.stdout == f"{tmp_path} --search-root {project.root} a b\n"


def test_a_half_made_venv_or_one_whose_python_is_gone_is_made_anew(project: Project) -> None:
    works(project)
    venv = project.root / ".venv"
    (venv / "stamp").unlink()
    shutil.rmtree(venv / "lib")
    assert works(project)
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("/nowhere/python3.10")
    assert works(project)


def test_a_venv_without_its_program_is_made_anew(project: Project) -> None:
    works(project)
    (project.root / ".venv" / "bin" / "inv").unlink()
    assert "making .venv" in project.inv().stderr
    assert project.inv().stderr == ""


def test_settings_of_pip_and_python_that_lead_elsewhere_do_not_count(
    project: Project, tmp_path: Path
) -> None:
    project.lock("led elsewhere")
    (tmp_path / "pip.conf").write_text(f"[install]\nuser = true\ntarget = {tmp_path}/a\n")
    (tmp_path / "invoke").mkdir()
    (tmp_path / "invoke" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    elsewhere = {
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_TARGET": str(tmp_path / "b"),
        "PIP_USER": "1",
        "PIP_PREFIX": str(tmp_path / "c"),
        "PIP_ROOT": str(tmp_path / "d"),
        "PYTHONPATH": str(tmp_path),
        "PYTHONHOME": str(tmp_path / "e"),
    }
    assert project.inv("x", **elsewhere).stdout.rstrip().endswith("x")
    assert (project.packages / "invoke").is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["invoke", "pip.conf"]


def test_what_pip_did_not_put_into_venv_gets_no_stamp(project: Project) -> None:
    project.lock("tried only")
    refused = project.inv(PIP_DRY_RUN="1")
    assert refused.returncode == 3
    assert "pip put nothing into .venv" in refused.stderr
    assert "PIP_DRY_RUN" in refused.stderr
    assert works(project)


def test_a_clone_with_other_line_ends_by_default_has_those_of_the_repository(
    tmp_path: Path,
) -> None:
    argv = ["git", "-c", "core.autocrlf=true", "clone", "--quiet", "--depth=1"]
    subprocess.run([*argv, f"file://{ROOT}", str(tmp_path / "clone")], check=True)
    shell = [tmp_path / "clone" / "inv", *(tmp_path / "clone").rglob("*.sh")]
    assert [path for path in shell if b"\r\n" in path.read_bytes()] == []


def test_two_starts_at_once_make_it_once(project: Project) -> None:
    project.lock("two at once")
    starts = [project.start(), project.start()]
    said = "".join(start.communicate(timeout=600)[1] for start in starts)
    assert [start.returncode for start in starts] == [7, 7]
    assert said.count("is ready") == 1


def test_an_interrupted_start_leaves_the_old_venv_and_the_next_one_begins_anew(
    project: Project,
) -> None:
    works(project)
    project.lock("interrupted")
    start = project.start()
    assert start.stderr is not None
    assert "making" in start.stderr.readline()
    time.sleep(0.5)
    os.killpg(start.pid, signal.SIGINT)
    start.communicate(timeout=300)
    assert start.returncode in (130, -signal.SIGINT)
    assert (project.root / ".venv" / "bin" / "inv").exists()
    assert not (project.root / ".venv.old").exists()
    assert "making .venv" in project.inv().stderr
    assert project.inv().stderr == ""


def test_going_back_to_the_lock_of_before_needs_no_index(project: Project) -> None:
    project.lock("before")
    works(project)
    project.lock("after")
    works(project)
    project.lock("before")
    assert project.inv(PIP_FIND_LINKS="/nowhere").stderr == ""
    project.lock("after that")
    start = project.start()
    assert start.stderr is not None
    assert "making" in start.stderr.readline()
    os.killpg(start.pid, signal.SIGKILL)
    start.communicate(timeout=300)
    project.lock("before")
    assert project.inv(PIP_FIND_LINKS="/nowhere").stderr == ""


@pytest.mark.parametrize(
    ("digest", "index", "sentence"),
    [("0" * 64, "", "is not the one requirements.lock names"), ("", "/nowhere", "index")],
)
def test_what_cannot_be_installed_is_one_sentence_and_changes_nothing(
    project: Project, digest: str, index: str, sentence: str
) -> None:
    project.lock()
    works(project)
    project.lock("changed", digest)
    refused = project.inv(PIP_FIND_LINKS=index or str(project.index))
    assert refused.returncode == 3
    assert sentence in refused.stderr.splitlines()[-1]
    project.lock()
    assert project.inv().stderr == ""


def test_an_old_python_is_named_and_refused(project: Project, tmp_path: Path) -> None:
    old = tmp_path / "bin"
    old.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        script = old / name
        script.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2"\n')
        script.chmod(0o755)
    project.lock("old python")
    refused = project.inv(PATH=f"{old}:/usr/bin:/bin")
    assert refused.returncode == 2
    assert "Python 3.11 or newer is needed" in refused.stderr
    assert "Python 3.9.2" in refused.stderr


def test_what_only_tests_need_is_added_when_asked_for_and_once(project: Project) -> None:
    project.lock("without what tests need")
    assert works(project)
    assert not (project.packages / "checker.py").exists()
    code, said = project.add()
    assert (code, "adding to .venv" in said, project.check()) == (0, True, "checked")
    assert project.add() == (0, "")
    assert project.inv().stderr == ""


def test_an_adding_that_was_killed_at_any_moment_is_finished_by_the_next(project: Project) -> None:
    works(project)
    project.lock_dev()
    for seconds in (0.0, 0.2, 0.4, 0.8, 1.6):
        (project.root / ".venv" / "dev").unlink(missing_ok=True)
        adding = project.start_adding()
        assert adding.stderr is not None
        assert "to .venv what tests need" in adding.stderr.readline()
        time.sleep(seconds)
        os.killpg(adding.pid, signal.SIGKILL)
        adding.communicate(timeout=30)
        assert works(project)
        assert project.add()[0] == 0
        assert project.check() == "checked"


def test_half_a_package_is_written_over(project: Project) -> None:
    """Pip takes the folder with its name for the whole package."""
    works(project)
    project.lock_dev()
    project.add()
    mark = project.root / ".venv" / "dev"
    mark.write_text(f"begun {mark.read_text()}")
    (project.packages / "checker-1.0.dist-info" / "RECORD").unlink()
    (project.packages / "checker.py").write_text("def main(")
    (project.root / ".venv" / "bin" / "checker").unlink()
    assert project.add()[0] == 0
    assert project.check() == "checked"


def test_another_list_for_tests_leaves_nothing_of_the_one_before(project: Project) -> None:
    works(project)
    project.lock_dev("1.0")
    project.add()
    project.lock_dev("2.0")
    assert project.add()[0] == 0
    assert (project.packages / "only_in_2_0.py").exists()
    assert [path.name for path in project.packages.glob("checker-*")] == ["checker-2.0.dist-info"]
    assert project.inv().stderr == ""


def test_a_test_package_that_is_refused_leaves_all_commands_working(project: Project) -> None:
    project.lock("refused")
    works(project)
    project.lock_dev(digest="0" * 64)
    code, said = project.add()
    assert code == 3
    assert "is not the one requirements-dev.lock names" in said.splitlines()[-1]
    assert project.inv().stderr == ""


@pytest.fixture
def small_disk(project: Project, tmp_path: Path) -> Iterator[list[str]]:
    """The start of a command that sees `tmp_path` as a disk of 50 MB with the project on it."""
    mounted = 'mount -t tmpfs -o size=50m tmpfs "$1" && cp -r "$2"/. "$1" && exec "$1/inv"'
    argv = ["unshare", "-m", "sh", "-c", mounted, "sh", str(tmp_path), str(project.root)]
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root to mount a small disk")
    shutil.rmtree(project.root / ".venv", ignore_errors=True)
    yield argv


def test_a_full_disk_is_said_before_anything_is_written(
    project: Project, small_disk: list[str]
) -> None:
    refused = subprocess.run(
        small_disk,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert refused.returncode == 3
    assert "MB are free on the disk" in refused.stderr
