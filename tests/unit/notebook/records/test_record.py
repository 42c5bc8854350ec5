"""The record of a run: what is in it is on the disk, and nothing in it says more than happened."""

import json
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from slipway.errors import Busy, Refused, SlipwayError
from slipway.notebook.records import event, history, record
from slipway.notebook.records.event import follow
from slipway.notebook.records.record import EVENTS, Record, is_running, read
from slipway.project import ROOT

BEGIN = {"runbook": "deploy", "env": "staging", "user": "anna", "host": "laptop"}


def begun(runs: Path) -> Record:
    return Record.create("deploy", "# Deploy\n", BEGIN, runs)


def run_cell(run: Record, cell: str, n: int, outcome: str = "passed") -> None:
    run.append("start", cell=cell, section="steps", n=n)
    run.append("end", cell=cell, n=n, outcome=outcome, code=0, seconds=1.5)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    run = begun(tmp_path)
    run_cell(run, "back-up", 1)
    run_cell(run, "deploy", 2, "failed")
    run.append("note", text="a line\nanother\u2028one \udcff ```")
    run.finish("failed", 3.0, "deploy")
    again = Record.open(run.folder)
    assert [each.kind for each in again.events] == [
        *("begin", "start", "end", "start", "end", "note", "finish")
    ]
    assert again.events[5].data["text"] == "a line\nanother\u2028one \udcff ```"
    assert again.begin["user"] == "anna"
    progress = again.progress()
    assert progress.actions == {"back-up": "passed", "deploy": "failed"}
    assert (progress.ending, progress.number, progress.state) == ("failed", 2, 1)


def test_only_its_owner_may_look_into_a_record_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        run = begun(tmp_path / "runs")
    finally:
        os.umask(before)
    run.close()
    for path in [run.folder.parent, run.folder, *run.folder.rglob("*")]:
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_two_runs_that_begin_in_the_same_second_have_a_folder_each(tmp_path: Path) -> None:
    runs = [begun(tmp_path) for _ in range(3)]
    assert len({run.folder for run in runs}) == 3
    strange = Record.create("../../etc", "", {**BEGIN, "user": "x" * 300, "env": ""}, tmp_path)
    assert strange.folder.parent == tmp_path


def test_a_record_cut_at_any_byte_reads_and_never_says_more_than_happened(tmp_path: Path) -> None:
    run = begun(tmp_path)
    for n, cell in enumerate(["back-up", "größe", "verify-1"], 1):
        run_cell(run, cell, n)
    run.finish("done", 4.5)
    whole = (run.folder / EVENTS).read_bytes()
    for size in range(len(whole)):
        (run.folder / EVENTS).write_bytes(whole[:size])
        ended = {
            json.loads(line)["cell"]
            for line in whole[:size].split(b"\n")[:-1]
            if b'"kind": "end"' in line
        }
        found = follow(read(run.folder))
        passed = {cell for cell, standing in found.actions.items() if standing == "passed"}
        assert passed == ended
        assert found.ending == "unfinished"


def test_a_run_that_was_cut_goes_on_after_its_last_whole_line(tmp_path: Path) -> None:
    run = begun(tmp_path)
    run_cell(run, "back-up", 1)
    run.close()
    whole = (run.folder / EVENTS).read_bytes()
    first = whole.index(b"\n") + 1
    for size in range(first, len(whole), 7):
        (run.folder / EVENTS).write_bytes(whole[:size])
        again = Record.open(run.folder)
        again.append("resume", user="anna")
        again.close()
        events = read(run.folder)
        assert [each.n for each in events] == list(range(1, len(events) + 1))
        assert events[-1].kind == "resume"


def test_a_run_of_which_not_even_the_beginning_is_there_is_none(tmp_path: Path) -> None:
    run = begun(tmp_path)
    run.close()
    (run.folder / EVENTS).write_bytes(b'{"event": 1, "at"')
    with pytest.raises(SlipwayError, match="aborted before anything was done"):
        Record.open(run.folder)


def test_lines_after_a_damaged_one_are_neither_believed_nor_thrown_away(tmp_path: Path) -> None:
    run = begun(tmp_path)
    run_cell(run, "back-up", 1)
    run.close()
    lines = (run.folder / EVENTS).read_bytes().split(b"\n")
    for damaged in (b"\0\0\0", b"[]", b'{"event": 2, "at": "x", "kind": "start"}', b"\xff"):
        data = b"\n".join([lines[0], damaged, *lines[2:]])
        (run.folder / EVENTS).write_bytes(data)
        again = Record.open(run.folder)
        assert [each.kind for each in again.events] == ["begin"]
        with pytest.raises(SlipwayError, match=r"events\.jsonl:2 is damaged"):
            again.append("resume", user="anna")
        assert (run.folder / EVENTS).read_bytes() == data


def test_a_line_nested_too_deep_for_json_is_a_damaged_line(tmp_path: Path) -> None:
    run = begun(tmp_path)
    with (run.folder / EVENTS).open("ab") as file:
        file.write(b"[" * 100_000 + b"\n")
    assert [each.kind for each in read(run.folder)] == ["begin"]
    assert history.find("", tmp_path).id == run.id


@pytest.mark.parametrize(
    "wrong",
    [
        *({"at": at} for at in ("garbage", "", "2026-11-22T19:30:00", "0001-01-01T00:00:00Z")),
        *({"seconds": seconds} for seconds in (float("nan"), float("inf"), -1, 10**400)),
        *({"left": [1]}, {"left": None}, {"missing": 5}, {"params": [1]}, {"outcome": "weird"}),
        *({"kind": "manual", "outcome": "passed"}, {"kind": "finish", "result": "weird"}),
    ],
)
def test_an_event_with_a_value_that_nobody_writes_is_a_damaged_line(wrong: dict[str, Any]) -> None:
    end = {"event": 3, "at": "2026-11-22T19:30:00.000Z", "kind": "end", "cell": "look", "n": 1}
    end |= {"outcome": "timed out", "code": None, "seconds": 1.5, "left": ["sh 7"], "missing": []}
    assert event.parse(end)
    assert event.parse(end | wrong) is None


def test_a_run_has_one_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "PATIENCE", 0.1)
    run = begun(tmp_path)
    other = Record.open(run.folder)
    assert is_running(run.folder)
    with pytest.raises(Busy, match="is running in another process"):
        other.append("resume", user="anna")
    run.append("note", text="more")
    run.close()
    assert not is_running(run.folder)
    with pytest.raises(Refused, match="was resumed elsewhere"):
        other.append("resume", user="anna")


def test_the_record_of_a_killed_process_is_free(tmp_path: Path) -> None:
    lines = [
        "import sys, time, pathlib",
        "from slipway.notebook.records.record import Record",
        "begin = {'runbook': 'deploy', 'user': 'anna'}",
        "run = Record.create('deploy', '', begin, pathlib.Path(sys.argv[1]))",
        "run.append('start', cell='deploy', section='steps', n=1)",
        "print(run.id, flush=True)",
        "time.sleep(600)",
    ]
    argv = [sys.executable, "-c", "\n".join(lines), str(tmp_path)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = tmp_path / process.stdout.readline().strip()
        assert is_running(folder)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not is_running(folder)
    again = Record.open(folder)
    assert again.progress().actions == {"deploy": "may have run"}
    again.append("resume", user="anna")
    again.close()


def test_a_full_disk_stops_the_run_in_one_sentence_and_leaves_whole_lines(tmp_path: Path) -> None:
    run = begun(tmp_path)
    run_cell(run, "back-up", 1)
    before = (run.folder / EVENTS).read_bytes()
    with (
        room_for(len(before) + 10),
        pytest.raises(SlipwayError, match=r"cannot be written: .*Nothing more was done"),
    ):
        run.append("start", cell="deploy", section="steps", n=2)
    assert (run.folder / EVENTS).read_bytes() == before
    run.append("note", text="there is room again")
    assert [each.n for each in read(run.folder)] == [1, 2, 3, 4]
    run.close()


def test_a_run_that_is_done_loses_its_state_and_keeps_its_logs(tmp_path: Path) -> None:
    for ending, kept in (("failed", True), ("stopped", True), ("rolled back", False)):
        run = begun(tmp_path)
        (run.folder / "state" / "01.sh").write_text("declare -x A=1")
        run.log(1).write_text("hello")
        run.finish(ending, 1.0)  # type: ignore[arg-type]
        assert (run.folder / "state" / "01.sh").exists() is kept
        assert run.log(1).exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file in its place")
    with pytest.raises(SlipwayError, match="cannot be written"):
        begun(tmp_path / "runs")
