"""An upgrade of the shared files: what the team has changed is never lost."""

from pathlib import Path

import pytest

from slipway.scaffold import shared
from slipway.scaffold.shared import Merge

THREE = b"one\ntwo\nthree\nfour\nfive\n"
NEW = THREE.replace(b"one", b"ONE")
FAR = THREE.replace(b"five", b"FIVE")
NEAR = THREE.replace(b"one", b"1")


def folders(root: Path, own: bytes | None, before: bytes | None, after: bytes | None) -> list[Path]:
    made = []
    for name, content in (("own", own), ("before", before), ("after", after)):
        folder = root / name
        folder.mkdir()
        if content is not None:
            (folder / "file").write_bytes(content)
        made.append(folder)
    return made


@pytest.mark.parametrize(
    ("own", "before", "after", "outcome", "content"),
    [
        (THREE, THREE, THREE, "same", THREE),
        (THREE, THREE, NEW, "updated", NEW),
        (None, None, NEW, "added", NEW),
        (FAR, THREE, THREE, "yours", FAR),
        (FAR, THREE, NEW, "merged", NEW.replace(b"five", b"FIVE")),
        (NEW, THREE, NEW, "same", NEW),
        (None, THREE, NEW, "missing", None),
        (THREE, THREE, None, "removed", None),
        (FAR, THREE, None, "retired", FAR),
        (FAR, None, FAR, "same", FAR),
    ],
)
def test_a_shared_file_is_merged_as_git_would(
    tmp_path: Path,
    own: bytes | None,
    before: bytes | None,
    after: bytes | None,
    outcome: str,
    content: bytes | None,
) -> None:
    project, old, new = folders(tmp_path, own, before, after)
    (merge,) = shared.merges(project, old, new) or [Merge("file", "yours")]
    assert merge.outcome == outcome
    shared.put(project, merge)
    path = project / "file"
    assert (path.read_bytes() if path.exists() else None) == content


def test_changes_that_meet_are_left_with_markers(tmp_path: Path) -> None:
    project, old, new = folders(tmp_path, NEAR, THREE, NEW)
    (merge,) = shared.merges(project, old, new)
    assert merge.outcome == "conflict"
    assert merge.content is not None
    assert merge.content.startswith(b"<<<<<<< yours\n1\n=======\nONE\n>>>>>>> slipway\n")


def test_bytes_that_are_no_utf8_come_through_a_merge(tmp_path: Path) -> None:
    """Also where the merged text is longer than what is kept of a command's output."""
    own, rest = FAR + b"caf\xe9\n", b"a line\n" * 200_000
    project, old, new = folders(tmp_path, own + rest, THREE + rest, NEW + rest)
    (merge,) = shared.merges(project, old, new)
    merged = NEW.replace(b"five", b"FIVE") + b"caf\xe9\n" + rest
    assert (merge.outcome, merge.content == merged) == ("merged", True)


def test_ends_of_lines_that_an_editor_changed_are_no_change_and_stay(tmp_path: Path) -> None:
    windows = FAR.replace(b"\n", b"\r\n")
    project, old, new = folders(tmp_path, windows, THREE, NEW)
    (merge,) = shared.merges(project, old, new)
    merged = NEW.replace(b"five", b"FIVE").replace(b"\n", b"\r\n")
    assert (merge.outcome, merge.content) == ("merged", merged)
    (project / "file").write_bytes(THREE.replace(b"\n", b"\r\n"))
    assert [file.state for file in shared.look(project, old)] == ["as made"]
    (merge,) = shared.merges(project, old, new)
    assert (merge.outcome, merge.content) == ("updated", NEW.replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("programs", ["own", "after"])
def test_who_changed_whether_a_file_is_a_program_decides(tmp_path: Path, programs: str) -> None:
    project, old, new = folders(tmp_path, FAR, THREE, NEW)
    (tmp_path / programs / "file").chmod(0o755)
    (merge,) = shared.merges(project, old, new)
    shared.put(project, merge)
    assert (merge.outcome, (project / "file").stat().st_mode & 0o777) == ("merged", 0o755)
