"""Secrets as variables: set by the container's first process, and in no description of it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from slipway.errors import ConfigError
from slipway.images.sources import Image
from slipway.releases import application, secret_variables, stack, task_failures
from slipway.releases.release import PROGRAM
from tests.compose import has_compose
from tests.fakes.host import FakeHost
from tests.unit.releases.compose_project import Project, docker_reads, release_of

pytestmark = pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
LABEL = "{slipway.role: colour, slipway.secret-variables: VALUE}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
def test_the_program_gets_each_value_as_it_is(tmp_path: Path, shell: str) -> None:
    value = "two\nlines\n\n $HOME 'q' \\n \"ü\" %s"
    (tmp_path / "KEY").write_text(value)
    (tmp_path / "EMPTY").write_text("")
    program, *rest = shell.split()
    if not (path := shutil.which(program)):
        pytest.skip(f"{shell} is not installed")
    words = [f"A={tmp_path}/KEY", f"B={tmp_path}/EMPTY", f"C={tmp_path}/NONE", "--", "env", "-0"]
    argv = [path, *rest, "-euc", secret_variables.SET, "slipway", *words]
    out = subprocess.run(argv, capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"})
    shown = dict(each.split("=", 1) for each in out.stdout.decode().split("\0") if "=" in each)
    assert shown["A"] == value
    assert shown["B"] == ""
    assert shown.keys() & {"C", "name", "value", "line", "gap"} == set()


def test_a_service_starts_its_own_program_behind_its_variables(project: Project) -> None:
    label = LABEL.replace("VALUE", "SESSION_KEY TOKEN=DATABASE_PASSWORD")
    env = project.api(f"deploy: {{labels: {label}}}")
    release = release_of(application.read(env).services)
    answer = 'sh\n["/entry","$x"]\n["serve"]\n'
    images = {tag: Image(tag, "sha256:1") for tag in release.tags.values()}
    release = secret_variables.with_programs(release, FakeHost().answers("sh", out=answer), images)
    api = docker_reads(stack.colour_stack(env, release, "green"))["services"]["api-green"]
    *first, entry, argument = api["entrypoint"]
    assert first[:2] == ["/bin/sh", "-euc"]
    assert first[4:] == [
        "SESSION_KEY=/run/secrets/SESSION_KEY",
        "TOKEN=/run/secrets/DATABASE_PASSWORD",
        "--",
    ]
    assert (entry, argument, api["command"]) == ("/entry", "$x", ["serve"])
    shown = [word.replace("$$", "$") for word in api["entrypoint"]]  # as a container has it
    assert [*secret_variables.within(shown), entry, argument] == shown
    assert secret_variables.within(["/entry"]) == []
    test = [word.replace("$$", "$") for word in api["healthcheck"]["test"]]
    assert test[:3] == ["CMD", "/bin/sh", "-euc"]
    assert test[-3:] == ["python", "-IS", "/app/probe.py"]
    failed = {"Health": {"Log": [{"ExitCode": 1, "Output": "no answer\n"}]}}
    shown = task_failures.reasons({"state": failed, "limit": 0, "check": {"Test": test}})
    assert shown == ["its health check `python -IS /app/probe.py` ended with 1: no answer"]
    assert not {"SESSION_KEY", "TOKEN"} & api["environment"].keys()


def test_what_an_image_starts_makes_no_other_release(project: Project) -> None:
    env = project.api(f"deploy: {{labels: {LABEL.replace('VALUE', 'SESSION_KEY')}}}")
    before = release_of(application.read(env).services)
    images = {tag: Image(tag, "sha256:1") for tag in before.tags.values()}
    after = secret_variables.with_programs(
        before, FakeHost().answers("sh", out='sh\nnull\n["serve"]\n'), images
    )
    assert PROGRAM in next(s for s in after.services if s.name == "api").spec
    assert stack.digest(env, before, "colour") == stack.digest(env, after, "colour")
    assert secret_variables.unknown(before) == {before.tags["api"]}
    assert secret_variables.unknown(secret_variables.inherited(before, after)) == set()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ('none\nnull\n["serve"]\n', "needs a shell in its image, which has no /bin/sh"),
        ("sh\nnull\nnull\n", "its image does not say what it starts; write command:"),
    ],
)
def test_an_image_that_cannot_do_it_is_refused(
    project: Project, answer: str, sentence: str
) -> None:
    env = project.api(f"deploy: {{labels: {LABEL.replace('VALUE', 'SESSION_KEY')}}}")
    release = release_of(application.read(env).services)
    images = {tag: Image(tag, "sha256:1") for tag in release.tags.values()}
    with pytest.raises(ConfigError, match=sentence):
        secret_variables.with_programs(release, FakeHost().answers("sh", out=answer), images)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (
            "BACKUP_NOTICE",
            r"BACKUP_NOTICE is none of its secrets; write secrets: \[BACKUP_NOTICE\]",
        ),
        ("a-b", "'a-b' is no name"),
        ("LOG_LEVEL=SESSION_KEY", "LOG_LEVEL is under environment too"),
    ],
)
def test_a_variable_that_nothing_fills_is_refused(
    project: Project, value: str, sentence: str
) -> None:
    env = project.api(f"deploy: {{labels: {LABEL.replace('VALUE', value)}}}")
    with pytest.raises(ConfigError, match=sentence):
        application.read(env)
