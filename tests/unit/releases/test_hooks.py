"""Programs of the team's own: told what happens, stopped in time, heard when they fail."""

from pathlib import Path

import pytest

from slipway.errors import ConfigError, SlipwayError
from slipway.releases import hooks
from slipway.releases.hooks import Hooks
from tests.fakes.reporter import RecordingReporter
from tests.waiting import wait_until


def put(folder: Path, moment: str, *lines: str) -> Hooks:
    folder.mkdir(exist_ok=True)
    (folder / moment).write_text("\n".join(["#!/bin/sh", *lines]))
    (folder / moment).chmod(0o755)
    return Hooks(lambda: {"ENV": "prod", "RELEASE": "7"}, limit=20, folder=folder)


def test_a_hook_is_told_what_happens_and_its_lines_are_reported(tmp_path: Path) -> None:
    reporter = RecordingReporter()
    told = 'echo "$SLIPWAY_HOOK of $SLIPWAY_RELEASE to $SLIPWAY_ENV in $(basename "$PWD")"'
    hook = put(tmp_path / "hooks", "before-build", told)
    assert hook.run("before-build", reporter) == "hooks/before-build ended well"
    assert reporter.notes == [f"before-build of 7 to prod in {tmp_path.name}"]


def test_a_hook_that_fails_says_why(tmp_path: Path) -> None:
    hook = put(tmp_path / "hooks", "before-cutover", "echo 'no budget left' >&2", "exit 3")
    with pytest.raises(
        SlipwayError, match=r"hooks/before-cutover ended with 3\n    no budget left"
    ):
        hook.run("before-cutover", RecordingReporter())


def test_a_hook_that_does_not_end_is_ended_with_all_that_it_began(tmp_path: Path) -> None:
    put(tmp_path / "hooks", "before-build", "sleep 300 & echo $! >draft; mv draft child; wait")
    child, limit = tmp_path / "child", 0.25
    while not child.exists():  # a busy computer may take longer until it has begun anything
        limit *= 2
        hook = Hooks(dict, limit=limit, folder=tmp_path / "hooks")
        with pytest.raises(SlipwayError, match="hooks/before-build had not ended after"):
            hook.run("before-build", RecordingReporter())
    # It closes its output a moment before the kernel calls it dead.
    wait_until("it is dead", lambda: not is_alive(int(child.read_text())), timeout=10)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_hook_that_only_starts_when_its_time_is_up_is_ended_too(tmp_path: Path) -> None:
    put(tmp_path / "hooks", "before-build", "sleep 300")
    hook = Hooks(dict, limit=0, folder=tmp_path / "hooks")
    with pytest.raises(SlipwayError, match="hooks/before-build had not ended after 0 s"):
        hook.run("before-build", RecordingReporter())


def test_after_the_fact_a_failing_hook_is_only_a_note(tmp_path: Path) -> None:
    reporter = RecordingReporter()
    put(tmp_path / "hooks", "after-deploy", "exit 1").try_to_run("after-deploy", reporter)
    assert reporter.notes == ["hooks/after-deploy ended with 1; this changes nothing"]
    put(tmp_path / "hooks", "after-deploy", "exit 1").try_to_run("after-failure", reporter)
    assert len(reporter.notes) == 1  # there is none for that moment


def test_a_file_that_would_never_run_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "pre-deploy")
    put(tmp_path, "before-build")
    (tmp_path / "after-deploy").write_text("#!/bin/sh\n")
    (tmp_path / "README.md").write_text("what these do")
    with pytest.raises(ConfigError) as caught:
        hooks.check(tmp_path)
    refused = [line.partition(";")[0] for line in str(caught.value).splitlines()]
    assert refused == [
        "hooks/after-deploy: is not executable",
        "hooks/pre-deploy: there is no such moment (did you mean before-deploy?)",
    ]
    hooks.check(tmp_path / "none")
