"""Runs with nobody at a terminal: gates, parameters, and resuming after any kind of end."""

import base64
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slipway.notebook.runs.lock import hold
from tests.fakes.runbook_runner import TOKEN, RunbookRunner, RunbookServer
from tests.fakes.terminal import PATIENCE, ROOT

TEXT = """\
---
params:
  WHO: {help: Whom to greet.}
  DIARY: {help: Where to write.}
---

# Greet

## Before you start

```sh
echo look >>"$DIARY"
```

## First

```sh
echo first >>"$DIARY"
name=$WHO
cd /tmp
greet() { echo "hello $name"; }
```

## Second

```sh {confirm}
echo second >>"$DIARY"
```

- [ ] Smile

## Third

```sh
greet
test "$PWD" = /tmp
echo third >>"$DIARY"
```

## Verify

```sh
echo verify >>"$DIARY"
```
"""
YES = {"yes": True, "manual_done": True}
ORDER = ["look", "first", "second", "third", "verify"]
LOOKING = {"look", "verify"}


@pytest.fixture
def runner(tmp_path: Path, runbook_server: RunbookServer) -> RunbookRunner:
    return RunbookRunner(tmp_path, runbook_server, TEXT)


def test_closed_gates_are_named_before_anything_runs(runner: RunbookRunner) -> None:
    assert runner.run() == 4
    assert f'{runner.path}:26: "second" asks to be confirmed; add --yes' in runner.output
    assert "add --manual-done" in runner.output
    assert runner.lines == [] and not runner.runs.exists()


def test_with_every_answer_given_it_runs_to_its_end(runner: RunbookRunner) -> None:
    assert runner.run(options=YES) == 0
    assert runner.lines == ORDER
    assert "hello Anna" in runner.output and "WHO=Anna" in runner.output
    assert "\x1b" not in runner.output and "─" not in runner.output


def test_a_missing_parameter_is_told_with_the_line_to_type(runner: RunbookRunner) -> None:
    assert runner.run(set=[], options=YES) == 2
    assert f"inv runbook.run --name={runner.path}" in runner.output
    assert "--set who=" in runner.output


def test_a_part_asks_only_for_what_its_own_cells_use(runner: RunbookRunner) -> None:
    assert runner.run(set=[f"diary={runner.diary}"], options={"section": "verify"}) == 0
    assert runner.lines == ["verify"]


def test_a_parameter_that_no_cell_uses_any_more_keeps_nobody_from_going_on(
    runner: RunbookRunner,
) -> None:
    runner.path.write_text(TEXT.replace("greet\ntest", "exit 7\ntest"))
    assert runner.run(options=YES) == 1
    runner.path.write_text(TEXT.replace("name=$WHO", "name=Ben").replace("greet\ntest", "test"))
    assert runner.run(resume="", options=YES | {"from_": "third"}) == 0


def test_a_dry_run_shows_all_and_leaves_nothing(runner: RunbookRunner) -> None:
    assert runner.run(options={"dry_run": True}) == 0
    assert "WHO=Anna" in runner.output and "greet()" in runner.output
    assert runner.lines == [] and not runner.runs.exists()
    assert runner.run(options={"dry_run": True}, set=[]) == 0
    assert "WHO=(not given)" in runner.output


def test_only_checks_can_be_run_and_having_none_is_no_failure(
    tmp_path: Path, runbook_server: RunbookServer
) -> None:
    runner = RunbookRunner(tmp_path, runbook_server, TEXT)
    assert runner.run(options={"checks_only": True}) == 0
    assert runner.lines == ["look", "verify"]
    runner = RunbookRunner(tmp_path, runbook_server, "# A\n\n```sh\necho no\n```\n")
    assert runner.run(options={"checks_only": True}, set=[]) == 0
    assert "has no checks" in runner.output


def test_a_runbook_with_errors_does_not_run(tmp_path: Path, runbook_server: RunbookServer) -> None:
    runner = RunbookRunner(
        tmp_path, runbook_server, "# A\n\n```sh\necho ran\n```\n\n```sh {tymeout=3s}\ntrue\n```\n"
    )
    assert runner.run(set=[]) == 2
    assert "greet.md:7: " in runner.output and "timeout" in runner.output


def test_a_failed_cell_stops_the_run_which_says_how_to_go_on(runner: RunbookRunner) -> None:
    runner.path.write_text(TEXT.replace("greet\ntest", "exit 7\ntest"))
    assert runner.run(options=YES) == 1
    assert runner.lines == ORDER[:3]
    assert runner.events("end")[-1].data["code"] == 7
    assert f"--resume={runner.folder.name}" in runner.output


def test_a_run_that_was_mended_meanwhile_is_not_resumed_unseen(runner: RunbookRunner) -> None:
    runner.path.write_text(TEXT.replace("greet\ntest", "exit 7\ntest"))
    assert runner.run(options=YES) == 1
    runner.path.write_text(TEXT)
    assert runner.run(resume="", options=YES) == 3
    assert "-exit 7" in runner.output and "+greet" in runner.output
    assert runner.run(resume="", options=YES | {"from_": "third"}) == 0
    assert runner.lines == [*ORDER[:3], "look", "third", "verify"]
    assert "hello Anna" in runner.output  # the function and the variable of the first cell


def test_of_two_unfinished_runs_none_is_picked(runner: RunbookRunner) -> None:
    runner.path.write_text(TEXT.replace("greet\ntest", "exit 7\ntest"))
    assert runner.run(options=YES) == 1
    assert runner.run(options=YES) == 1
    assert runner.run(resume="", options=YES) == 2
    names = sorted(path.name for path in runner.runs.iterdir() if path.is_dir())
    assert len(names) == 2 and all(f"--resume={name}" in runner.output for name in names)


def test_a_run_killed_after_any_event_goes_on_rightly(
    tmp_path: Path, runbook_server: RunbookServer
) -> None:
    """Nothing that passed runs twice, nothing is left out, and doubt is never passed over."""
    whole = 1 + 5 * 2 + 1 + 1  # begin, five cells, a step by hand, finish
    for dies in range(1, whole + 1):
        runner = RunbookRunner(tmp_path / str(dies), runbook_server, TEXT)
        assert runner.run(options=YES, die=dies) == -9
        assert len(runner.events()) == dies
        last = runner.events()[-1]
        code = runner.run(resume="", options=YES)
        if last.kind == "finish":
            assert code == 2 and "no unfinished run" in runner.output
        elif last.kind == "start" and last.cell in ("first", "second", "third"):
            assert code == 3 and f"{last.cell} may have run: look first" in runner.output
            assert runner.run(resume="", options=YES | {"from_": last.cell}) == 0
        elif all(cell in runner.lines for cell in ORDER) and dies == whole - 1:
            assert code in (0, 2)
        else:
            assert code == 0, f"after {dies}: {runner.output}"
        once = [line for line in runner.lines if line not in LOOKING]
        assert once == ["first", "second", "third"], f"after {dies} ({last})"
        assert runner.lines[-1] == "verify"


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_cell_that_outlives_its_runner_is_not_joined_by_another(runner: RunbookRunner) -> None:
    mended = runner.path.with_name("mended")
    outlives = f'test -e {mended} || {{ kill -9 "$PPID"; sleep 60; }}'
    runner.path.write_text(TEXT.replace("greet\ntest", f"{outlives}\ngreet\ntest"))
    assert runner.run(options=YES) == -9
    assert runner.run(resume="", options=YES) == 75
    assert "third is still running from before" in runner.output
    for pid in runner.output.rpartition("kill ")[2].split():
        os.kill(int(pid), signal.SIGKILL)
    mended.touch()
    deadline = time.monotonic() + PATIENCE
    while (code := runner.run(resume="", options=YES | {"from_": "third"})) == 75:
        assert time.monotonic() < deadline, runner.output
    assert code == 0
    assert runner.lines == [*ORDER[:3], "look", "third", "verify"]


def test_it_is_never_written_to_and_git_sees_nothing(runner: RunbookRunner) -> None:
    def status() -> str:
        argv = ["git", "status", "--porcelain", "--", ".slipway", "runbooks"]
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    before = status()
    assert runner.run(options=YES) == 0
    assert runner.path.read_text() == TEXT and status() == before
    assert {path.stat().st_mode & 0o077 for path in runner.folder.rglob("*")} == {0}


def test_a_secret_is_in_nothing_that_a_run_leaves(
    tmp_path: Path, runbook_server: RunbookServer
) -> None:
    text = """\
---
params:
  KEY: {help: Anything.}
---

# Leak

## Leak

```sh {capture=GOT}
printenv DEPLOY_TOKEN
```

```sh
echo "again $GOT and $KEY" >&2
printenv DEPLOY_TOKEN | base64
false
```
"""
    runner = RunbookRunner(tmp_path, runbook_server, text)
    given = [f"key={TOKEN}"]
    assert runner.run(set=given) == 1
    assert "again *** and ***" in runner.output and "GOT holds a secret" in runner.output
    assert runner.run(resume="") == 2  # it was not kept, so it has to be given again
    assert "--set key=" in runner.output
    assert runner.run(resume="", set=given) == 1
    assert "GOT, which leak-1 set, held a secret" in runner.output
    secret = TOKEN.encode()
    left = [runner.output.encode(), *(p.read_bytes() for p in runner.folder.rglob("*.*"))]
    assert not [each for each in left if secret in each or base64.b64encode(secret)[:20] in each]


def test_an_environment_in_other_hands_is_left_alone(runner: RunbookRunner) -> None:
    with hold("staging", "restore", "a-run", "berta", runner.runs) as other:
        other.publish("swap")
        assert runner.run(env="staging", options=YES) == 75
    assert "berta" in runner.output and "swap" in runner.output
    assert runner.lines == ["look"]  # to look is free
    assert runner.events("finish")[0].data["result"] == "stopped"
    assert runner.run(resume="", options=YES) == 0


def test_a_default_environment_is_the_name_that_opens_a_gate(
    tmp_path: Path, runbook_server: RunbookServer
) -> None:
    text = """\
---
params:
  ENV: {help: Where., default: testing}
---

# Wipe

## Wipe it

```sh {destructive}
echo "wiped $ENV"
```

## Roll back

There is no way back.
"""
    runner = RunbookRunner(tmp_path, runbook_server, text)
    assert runner.run() == 4
    assert "add --yes-destroy=testing" in runner.output
    assert runner.run(options={"yes_destroy": "testing"}) == 0
    assert "wiped testing" in runner.output


@pytest.mark.parametrize("password", ["correct-horse-1", "swordfish", "x9!z"])
def test_a_parameter_called_like_a_secret_is_shown_nowhere(
    tmp_path: Path, runbook_server: RunbookServer, password: str
) -> None:
    text = """\
---
params:
  DB_PASSWORD: {help: Of the database.}
  SECRET: {help: Its name.}
  PORT: {help: Its port., pattern: "[0-9]+"}
  AUTH: {help: Whether it asks., choices: ["on", "off"], default: "on"}
---

# Show

```sh
echo "$DB_PASSWORD of $SECRET at $PORT, $AUTH"
false
```
"""
    runner = RunbookRunner(tmp_path, runbook_server, text)
    given = [f"db-password={password}", "secret=DATABASE_PASSWORD", "port=5432"]
    assert runner.run(set=given[:2]) == 2
    assert password not in runner.output and "port is missing" in runner.output
    assert runner.run(set=given, options={"dry_run": True}) == 0
    assert password not in runner.output
    for asked in ({"set": given}, {"resume": "", "set": given[:1]}):
        assert runner.run(**asked) == 1
        assert "*** of DATABASE_PASSWORD at 5432" in runner.output
        assert password not in runner.output
    left = [path.read_text() for path in runner.folder.rglob("*.*")]
    assert not [each for each in left if password in each]
    assert runner.run(set=["db-password=cat", *given[1:]]) == 2
    assert "DB_PASSWORD: a secret of fewer than 4 characters cannot be masked" in runner.output
