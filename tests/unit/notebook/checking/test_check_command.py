"""`inv runbook.check` as it is typed: its lines, its JSON, its exit code; and the way back."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from slipway.project import ROOT
from tasks.cli import namespace
from tasks.command_index import CommandIndex

TASKS = CommandIndex(namespace)


def inv(*words: str) -> "subprocess.CompletedProcess[str]":
    argv: Sequence[str] = [sys.executable, "-m", "invoke", "runbook.check", *words]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_ends_with_2_only_for_errors_and_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.write_text("# X\n\n```sh\ninv deplyo\n```\n")
    said = inv(f"--name={path}")
    assert (said.returncode, said.stderr) == (2, "")
    assert f"{path}:4: there is no task 'deplyo' (did you mean deploy?)" in said.stdout
    assert said.stdout.splitlines()[-1] == "1 file: 1 error"
    path.write_text("# X\n\nSee [it](y.md).\n\n```sh\ninv --list\n```\n")
    said = inv(f"--name={path}", "--json")
    rows = json.loads(said.stdout)
    assert (said.returncode, {row["severity"] for row in rows}) == (0, {"warning"})
    assert set(rows[0]) == {"file", "line", "text", "severity"}


def test_the_help_of_a_task_names_its_runbook() -> None:
    from tasks.cli import namespace

    for task, runbook in TASKS.tasks().items():
        if runbook:
            assert f"Runbook: runbooks/{runbook}.md" in (namespace[task].__doc__ or "")
