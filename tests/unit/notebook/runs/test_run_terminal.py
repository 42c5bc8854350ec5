"""A run under a person's hands, in a real terminal: keys, sizes, colours, interruptions."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from slipway.notebook.records.event import Event
from slipway.notebook.records.record import read
from tests.fakes.runbook_runner import RunbookServer
from tests.fakes.served_terminal import ServedTerminal
from tests.fakes.terminal import Terminal

TEXT = """\
# Bake a cake

A cake in **four** cells. See [the others](#verify).

## Before you start

```sh
test -d .
```

## Mix

> [!WARNING]
> Eggs break.

```sh
count=3
echo "mixed $count eggs"
```

- [ ] Taste it

## Bake

```sh {confirm="Bake for $MINUTES minutes?"}
echo "baked $count eggs for $MINUTES minutes"
```

## Verify

```sh
test "$count" = 3
echo "a good cake"
```

## Roll back

```sh
echo "eaten"
```

## Escalate

Buy one.
"""
PARAMS = "---\nparams:\n  MINUTES: {help: How long., default: '40'}\n---\n"
NAME = "bake.md"
Start = Callable[..., AbstractContextManager[Terminal]]


@pytest.fixture
def start(tmp_path: Path, runbook_server: RunbookServer) -> Start:
    """Start a run of a text in a terminal."""

    @contextmanager
    def begin(
        text: str = PARAMS + TEXT, terminal: Mapping[str, Any] | None = None, **asked: Any
    ) -> Iterator[Terminal]:
        (tmp_path / NAME).write_text(text)
        asked = {"name": str(tmp_path / NAME), "runs": str(tmp_path / "runs")} | asked
        with ServedTerminal(runbook_server, asked, **(terminal or {})) as screen:
            yield screen

    return begin


def events(folder: Path, *kinds: str) -> list[Event]:
    (run,) = (path for path in (folder / "runs").iterdir() if path.is_dir())
    return [event for event in read(run) if not kinds or event.kind in kinds]


@pytest.mark.parametrize("columns", [60, 80])
def test_a_cake_is_baked(start: Start, tmp_path: Path, columns: int) -> None:
    with start(terminal={"columns": columns}) as seen:
        seen.wait("Enter run")
        seen.say("")
        seen.wait("y done")
        seen.say("y")
        seen.wait("Bake for 40 minutes?")
        seen.say("y")
        assert seen.end() == 0
    assert "mixed 3 eggs" in seen.text and "baked 3 eggs for 40 minutes" in seen.text
    assert "WARNING" in seen.text and "Eggs break." in seen.text and "MINUTES=40" in seen.text
    assert "✓ verify" in seen.text and "done after" in seen.text
    assert "**" not in seen.text and "Buy one." not in seen.text and "params:" not in seen.text
    assert re.search(r"inv runbook\.export --run=\S+", seen.text.replace("\n", ""))
    transcript = next((tmp_path / "runs").glob("*/transcript.md")).read_text()
    assert "baked 3 eggs" in transcript


def test_no_at_a_confirmation_stops_before_anything_is_done(start: Start, tmp_path: Path) -> None:
    with start(options={"from_": "bake"}) as seen:
        seen.wait("Bake for 40 minutes?")
        seen.say("n")
        assert seen.end() == 3
    assert "declined by" in seen.text and "baked" not in seen.text.replace("baked $count", "")
    assert [event.cell for event in events(tmp_path, "decline")] == ["bake"]


def test_a_failed_cell_offers_its_ways_and_runs_again_after_mending(
    start: Start, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    text = f"# A\n\n## Look\n\n```sh {{check}}\ntest -e {there}\n```\n"
    with start(text) as seen:
        seen.wait("a again")
        assert "ended with 1" in seen.text
        there.touch()
        seen.say("a")
        assert seen.end() == 0
    assert [event.data["outcome"] for event in events(tmp_path, "end")] == ["failed", "passed"]


def test_ctrl_c_ends_the_cell_and_a_second_one_the_run(start: Start, tmp_path: Path) -> None:
    text = "# A\n\n## Wait\n\n```sh\necho begun\nsleep 300\n```\n"
    with start(text) as seen:
        seen.wait("Enter run")
        seen.say("")
        seen.wait("begun", 2)
        seen.child.send("\x03")
        seen.wait("a again")
        assert "interrupted after" in seen.text and "Traceback" not in seen.text
        seen.child.send("\x03")
        assert seen.end() == 3
    assert events(tmp_path, "end")[0].data["outcome"] == "interrupted"
    assert "--resume" in seen.text


def test_rolling_back_after_a_failure_ends_with_4(start: Start) -> None:
    text = TEXT.replace('{confirm="Bake for $MINUTES minutes?"}', "{timeout=1m}")
    text = text.replace(" for $MINUTES", "")
    with start(text.replace('echo "baked', 'false "baked'), options={"from_": "bake"}) as seen:
        seen.wait("Enter run")
        seen.say("")
        seen.wait("r roll back", 2)
        seen.say("r")
        seen.wait("Enter run", 2)
        seen.say("")
        assert seen.end() == 4
    assert "eaten" in seen.text and "rolled back after" in seen.text


def test_a_program_with_arrow_keys_runs_in_a_cell(start: Start) -> None:
    source = "python3 -iqc 'import readline'"
    with start(f"# A\n\n## Ask\n\n```sh {{interactive}}\n{source}\n```\n") as seen:
        seen.wait("Enter run")
        seen.say("")
        seen.wait(">>>")
        seen.child.send("print('ba' + 'kde')")
        seen.child.send("\x1b[D" * 4 + "\x7f" + "\x1b[C" * 4)  # left, rub the k out, right
        seen.say("")
        seen.wait("bade")
        seen.resize(100, 30)
        seen.say("import os; print('size', os.get_terminal_size().columns)")
        seen.wait("size 100")
        seen.child.send("\x04")
        assert seen.end() == 0


@pytest.mark.parametrize("terminal", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_it_is_readable_without_colours(start: Start, terminal: dict[str, str]) -> None:
    with start(env="prod", terminal={"env": terminal, "columns": 60}) as seen:
        seen.wait("Enter run")
        seen.wait("PROD from")
        seen.say("q")
        assert seen.end() == 3
    assert not re.search(rb"\x1b\[[0-9;]*(3[0-7]|9[0-7])(;|m)", seen.raw)
    if "TERM" in terminal:
        assert b"\x1b" not in seen.raw
    assert "Eggs break." in seen.text and 'echo "mixed $count eggs"' in seen.text
    assert max(len(line) for line in seen.text.splitlines()) <= 60


def test_prod_is_red_and_no_other_environment(start: Start) -> None:
    red = b"\x1b[1;31mPROD\x1b[0m from"
    for name, is_red in (("prod", True), ("staging", False)):
        with start(env=name) as seen:
            seen.wait("Enter run")
            seen.wait(" from ")
            seen.say("q")
            seen.end()
        assert (red in seen.raw) is is_red


def test_what_is_typed_while_a_cell_runs_answers_no_question(start: Start) -> None:
    text = "# A\n\n## One\n\n```sh {check}\necho busy\nsleep 1\n```\n\n```sh\necho touched\n```\n"
    with start(text) as seen:
        seen.wait("busy", 2)
        seen.say("")
        seen.wait("Enter run")
        seen.say("q")
        assert seen.end() == 3


def test_a_question_tells_what_cells_before_it_have_found(start: Start) -> None:
    text = (
        "# A\n\n## Look\n\n```sh {check capture=N}\nprintf '3\\nnew'\n```\n\n"
        "```sh {check}\nwhere=here\n```\n\n"
        '## Go\n\n```sh {confirm="Apply $N of $MINUTES $where?"}\necho went\n```\n'
    )
    with start(PARAMS + text.replace("echo", "echo $MINUTES")) as seen:
        seen.wait("Apply 3 new of 40 here?")
        seen.say("n")
        assert seen.end() == 3


def test_bytes_that_are_no_text_are_asked_for_again(start: Start) -> None:
    with start(env="prod") as seen:
        seen.wait("Enter run")
        seen.child.send(b"\xfc\r")
        seen.wait("was not UTF-8 text")
        seen.wait("Enter run", 2)
        seen.say("q")
        assert seen.end() == 3
    assert "Traceback" not in seen.text


ASKED = """\
---
params:
  ENV: {help: Where., choices: [staging, prod]}
  SIZE: {help: How many of them., choices: ['1', '2']}
---

# Grow

```sh
echo "$SIZE in $ENV"
```
"""


@pytest.mark.parametrize("is_given", [False, True])
def test_parameters_are_asked_for_until_they_fit_and_say_where_one_is(
    start: Start, is_given: bool
) -> None:
    with start(ASKED, **({"env": "prod"} if is_given else {}), terminal={"columns": 100}) as seen:
        if not is_given:
            seen.wait("env (staging, prod): Where?")
            seen.say("prd")
            seen.wait('none of staging, prod (did you mean "prod"?)')
            seen.wait("env (staging, prod): Where?", 2)
            seen.say("prod")
        seen.wait("size (1, 2): How many of them?")
        seen.wait("PROD from")
        seen.say("3")
        seen.wait("'3' is none of 1, 2")
        seen.wait("PROD from", 2)
        seen.say("2")
        seen.wait("Enter run")
        seen.say("")
        assert seen.end() == 0
    assert "2 in prod" in seen.text


SHELL = """
stty -a >{before}
{command}
echo "code $?"
stty -a >{after}
"""


@pytest.mark.parametrize("way", ["quit", "ctrl-c", "sigterm in a cell", "sigterm at a prompt"])
def test_the_terminal_is_left_as_it_was(tmp_path: Path, way: str) -> None:
    text = "# A\n\n## Wait\n\n```sh\necho begun\nsleep 300\n```\n"
    (tmp_path / NAME).write_text(text)
    asked = json.dumps({"name": str(tmp_path / NAME), "runs": str(tmp_path / "runs")})
    before, after = tmp_path / "before", tmp_path / "after"
    script = tmp_path / "script.sh"
    command = f"{sys.executable} -m tests.fakes.run_driver '{asked}'"
    script.write_text(SHELL.format(before=before, command=command, after=after))
    with Terminal(["bash", str(script)]) as seen:
        seen.wait("Enter run")
        if way.endswith("cell") or way == "ctrl-c":
            seen.say("")
            seen.wait("begun", 2)
        if way.startswith("sigterm"):
            os.kill(driver(seen.child.pid), signal.SIGTERM)
        elif way == "ctrl-c":
            seen.child.send("\x03")
        if way == "ctrl-c":
            seen.wait("a again")
        if not way.startswith("sigterm"):
            seen.say("q")
        seen.wait("code 3")
        seen.end()
    assert before.read_text() == after.read_text()
    assert " echo " in after.read_text()


def driver(shell: int | None) -> int:
    """Return the process of the run, which a shell started."""
    argv = ["ps", "-o", "pid=,args=", "--ppid", str(shell)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    (line,) = (each for each in done.stdout.splitlines() if "tests.fakes.run_driver" in each)
    return int(line.split()[0])


def test_only_a_cell_that_is_interactive_may_act_on_the_terminal(start: Start) -> None:
    prints = r"printf 'stranger \033]52;c;eA==\007\033[2J%s\n' {}"
    cells = (
        f"```sh {{check}}\n{prints.format('shown')}\n```\n\n"
        f"```sh {{check interactive}}\n{prints.format('passed')}\n```\n"
    )
    with start(f"# A\n\n## One\n\n{cells}") as seen:
        assert seen.end() == 0
    act = rb"\x1b\]52;c;eA==\x07\x1b\[2J"
    assert len(re.findall(act, seen.raw)) == 1 and re.search(act + b"passed", seen.raw)
    assert "␛]52;c;eA==␇␛[2Jshown".encode() in seen.raw
