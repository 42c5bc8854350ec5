"""A file of the team is replaced in one move, with the mode it had; nothing else writes one."""

import ast
import os
import resource
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slipway import whole_file
from slipway.project import ROOT
from tests.syntax import nodes

# Where a file is written that is nobody's yet: who reads it was started by us, or starts later.
APART = {
    "slipway/bootstrap/venv.py": "before there is an environment; a draft of its own",
    "slipway/backups/schedule/job_results.py": "in the container of the schedule; a draft too",
    "slipway/certificates/lego.py": "in a folder of its own that goes again",
    "slipway/checks/advisories.py": "in a folder of its own that goes again",
    "slipway/client/importing.py": "in a folder of its own that goes again",
    "slipway/client/keys.py": "in a folder of its own that goes again",
    "slipway/client/restore.py": "in a folder of its own that goes again",
    "slipway/database/throwaway.py": "in the folder of a server that goes again",
    "slipway/agent/activity.py": "the kernel's name of this process",
    "slipway/files/receive.py": "in a folder of root alone, put in place when all of it is there",
    "slipway/machines/tunnel.py": "in a folder of its own that goes again",
    "slipway/migrations/squawk.py": "in a folder of its own that goes again",
    "slipway/secrets/rekey.py": "in a folder of its own that goes again",
    "slipway/scaffold/importing/acceptance.py": "in a folder of its own that goes again",
    "slipway/notebook/cells/session.py": "the source of a cell, as long as it runs",
    "slipway/notebook/transcripts/export.py": "a pipe or a device, which cannot be replaced",
}
# What is written here takes the place of a file when it is whole, or is a lock without content.
DRAFTED = {
    "slipway/bootstrap/prepare.py",
    "slipway/bootstrap/sops_release.py",
    "slipway/images/context.py",
    "slipway/machines/copying.py",
    "slipway/machines/inventory.py",
    "slipway/secrets/change.py",
    "slipway/secrets/creation.py",
    "slipway/secrets/policy.py",
    "slipway/whole_file.py",
}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    whole_file.write(link, "new")
    assert (file.read_text(), mode(file), link.is_symlink()) == ("new", 0o640, True)
    whole_file.write(file, b"\xff", mode=0o600)
    assert (file.read_bytes(), mode(file)) == (b"\xff", 0o600)
    assert sorted(tmp_path.iterdir()) == [file, link]


def test_a_new_file_has_the_mode_that_the_person_wants_for_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        whole_file.write(tmp_path / "a", "x")
        whole_file.create(tmp_path / "b", "x")
    finally:
        os.umask(before)
    assert (mode(tmp_path / "a"), mode(tmp_path / "b")) == (0o640, 0o640)


def test_who_reads_while_it_is_written_sees_the_old_file_and_after_a_failure_too(
    tmp_path: Path,
) -> None:
    file = tmp_path / "machines.yml"
    file.write_text("old")
    with pytest.raises(OSError, match="disk"), whole_file.draft(file) as new:
        new.write_text("ne")
        assert (file.read_text(), new.name.endswith(file.name)) == ("old", True)
        raise OSError("disk")
    assert (file.read_text(), list(tmp_path.iterdir())) == ("old", [file])


def test_a_file_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    file = tmp_path / "20260101_x.sql"
    whole_file.create(file, "mine")
    with pytest.raises(FileExistsError):
        whole_file.create(file, "yours")
    assert (file.read_text(), list(tmp_path.iterdir())) == ("mine", [file])


def writes(path: Path) -> Iterator[int]:
    """The lines on which a module writes a file by itself."""
    for node in nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            words = [each.value for each in node.args if isinstance(each, ast.Constant)]
            is_open = node.func.attr == "open" and {*words} & {"w", "wb", "x", "xb", "a", "ab"}
            if node.func.attr in ("write_text", "write_bytes") or is_open:
                yield node.lineno


def test_nothing_else_writes_files() -> None:
    paths = [*(ROOT / "slipway").rglob("*.py"), *(ROOT / "tasks").glob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in paths if any(writes(path))}
    assert found == {*APART, *DRAFTED}


@pytest.mark.parametrize("put", [whole_file.write, whole_file.create])
def test_a_full_disk_is_told_by_the_file_that_was_to_be_written(
    tmp_path: Path, put: Callable[[Path, bytes], None]
) -> None:
    path = tmp_path / "settings"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match=r"/settings'$"):
            put(path, bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []
