"""How cells end: at their time, by Ctrl-C, by their own hand, with what they leave running."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.notebook.cells import process_tree
from slipway.notebook.document import Attributes, Language
from tests.fakes.cell_run import Page, Run


def test_a_cell_ends_its_own_shell_alone(run: Run) -> None:
    assert run("X=1; exit 0; X=2").passed
    assert run.printed("echo $X; (exit 0); Y=3; trap 'echo bye' EXIT; exit") == "1\nbye\n"
    assert run.printed('echo "$X $Y"; exec true').startswith("1 3\n")
    assert run("X=9; exit 7").code == 7
    assert run("X=9; set +e; (exit 5)").code == 5
    assert run.printed('echo "$X $Y"') == "1 3\n"


def test_a_timeout_ends_all_that_the_cell_has_started(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slipway.notebook.cells.process.GRACE_AFTER_TERM", 0.3)
    pids = run.root / "pids"
    source = f"(trap '' TERM; set -m; sleep 61 & echo $! >> {pids}; wait) & sleep 60 & "
    source += f"echo $! >> {pids}; wait"
    result = run(source, Attributes(timeout=1.0))
    assert (result.outcome, result.code, result.left) == ("timed out", None, ())
    assert [pid for pid in pids.read_text().split() if is_running(int(pid))] == []


def test_what_is_left_in_the_background_is_named_and_holds_nothing_up(run: Run) -> None:
    # A pipe is opened only once both ends are there, so by then it is cat and no more a bash.
    result = run("mkfifo line; cat line line & : > line; echo $!")
    pid = int(run.page.seen)
    assert result.passed and result.left == (f"{pid} cat",)
    os.kill(pid, signal.SIGKILL)


def test_ctrl_c_ends_the_cell_and_not_the_run(run: Run) -> None:
    interrupt = Page(b"ready", lambda: os.kill(os.getpid(), signal.SIGINT))
    result = run("sleep 60 & echo ready; sleep 60; echo on", page=interrupt)
    assert (result.outcome, result.code, result.left) == ("interrupted", None, ())
    assert run.page.seen == b"ready\n"
    assert run.printed("echo on") == "on\n"


def test_a_traceback_that_answers_ctrl_c_is_not_shown(run: Run) -> None:
    (run.root / "inv").write_text(
        f"#!{sys.executable}\nimport os, time\nos.write(1, b'ready\\n')\n"
        "try: time.sleep(60)\nexcept KeyboardInterrupt: raise ValueError('closed file')\n"
    )
    (run.root / "inv").chmod(0o755)
    interrupt = Page(b"ready", lambda: os.kill(os.getpid(), signal.SIGINT))
    result = run("inv\necho on", page=interrupt)
    assert result.outcome == "interrupted"
    assert run.page.seen == b"ready\n" == result.log.read_bytes()


def test_a_cell_that_does_not_heed_ctrl_c_is_killed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slipway.notebook.cells.process.GRACE_AFTER_INTERRUPT", 0.3)
    interrupt = Page(b"ready", lambda: os.kill(os.getpid(), signal.SIGINT))
    result = run("trap '' INT TERM; echo ready; sleep 60; sleep 60", page=interrupt)
    assert result.outcome == "interrupted"


def is_running(pid: int) -> bool:
    try:
        return any(member.pid == pid for member in process_tree.members(os.getsid(pid)))
    except ProcessLookupError:
        return False


@pytest.mark.parametrize(
    ("source", "language"),
    [("export Z=1; printf x; exec true", "sh"), ("import os; os._exit(0)", "python")],
)
def test_a_cell_that_ends_its_shell_itself_says_that_its_variables_are_lost(
    run: Run, source: str, language: Language
) -> None:
    said = "! it ended its own shell, as exec does: later cells do not have what it set\n"
    assert run.printed(source, language).endswith(said)
    assert (run.folder / "cells" / "01.log").read_text().splitlines(keepends=True)[-1] == said
    assert said not in run.printed("export Z=1; exit 0")


def test_a_screen_that_is_gone_is_no_bash_that_cannot_be_started(run: Run) -> None:
    def gone() -> None:
        raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(BrokenPipeError, match="Broken pipe; the-cell may have run"):
        run("echo begun; sleep 60", page=Page(b"begun", gone))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
@pytest.mark.parametrize("source", ["echo begun; sleep 60", "printf x"])
def test_a_log_that_cannot_be_written_ends_the_cell_and_is_named(run: Run, source: str) -> None:
    log = run.folder / "cells" / "01.log"
    log.symlink_to("/dev/full")
    began = time.monotonic()
    with pytest.raises(SlipwayError) as told:
        run(source)
    log.unlink()
    assert time.monotonic() - began < 30
    why = f"{log} cannot be written: No space left on device; the-cell may have run"
    assert why in str(told.value)
    assert f"--resume={run.folder.name}" in str(told.value)
