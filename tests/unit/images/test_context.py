"""The folder of a build: what BuildKit gets of it, and the name that it gives its image."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from slipway.errors import ConfigError, SlipwayError
from slipway.images import checkout, context, sources
from slipway.images.sources import Build

MOMENT = 1_700_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "Dockerfile": "FROM a:1\nCOPY . /\n",
        "app/main.py": "print(1)",
        "app/start": "#!/bin/sh\n",
        ".dockerignore": "*.md\n",
        "a.md": "x",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "app/start").chmod(0o755)
    (tmp_path / "now").symlink_to("app")
    return tmp_path


def seen(folder: Path) -> list[str]:
    return context.files(folder, folder / "Dockerfile")


def states(folder: Path, moment: int = MOMENT) -> dict[str, tuple[int, float]]:
    """The mode and the whole seconds of all that BuildKit gets."""
    with context.copied(folder, seen(folder), moment) as copy:
        found = {str(path.relative_to(copy)): path.lstat() for path in (copy, *copy.rglob("*"))}
    return {name: (stat.S_IMODE(s.st_mode), int(s.st_mtime)) for name, s in found.items()}


def git(folder: Path, *words: str) -> None:
    argv = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *words]
    env = {**os.environ, "GIT_COMMITTER_DATE": f"{MOMENT} +0000"}
    subprocess.run(argv, cwd=folder, env=env, check=True, capture_output=True)


def test_an_image_is_called_as_by_the_release_before(folder: Path) -> None:
    build = Build("api", "demo/api", folder, folder / "Dockerfile", {"N": "1"})
    assert sources.tag(build, "sha256:1") == "demo/api:src-b175fabda571e1bc"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_neither_the_umask_of_a_checkout_nor_that_of_a_deploy_reaches_a_build(
    folder: Path, umask: int
) -> None:
    for path in folder.rglob("*"):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~umask)
    before = os.umask(umask)
    try:
        found = states(folder)
    finally:
        os.umask(before)
    link = found.pop("now")
    assert link[1] == MOMENT
    assert found == {
        **dict.fromkeys((".", "app"), (0o755, MOMENT)),
        **dict.fromkeys(("Dockerfile", ".dockerignore", "app/main.py"), (0o644, MOMENT)),
        "app/start": (0o755, MOMENT),
    }


def test_two_files_of_one_size_never_have_the_same_time_to_the_nanosecond(folder: Path) -> None:
    times = set()
    for text in ("print(1)", "print(2)", "print(1)"):
        (folder / "app/main.py").write_text(text)
        with context.copied(folder, seen(folder), MOMENT) as copy:
            times.add((copy / "app/main.py").stat().st_mtime_ns)
    assert len(times) == 2


def test_what_tools_keep_in_a_checkout_is_not_seen_unless_a_line_brings_it_back(
    folder: Path,
) -> None:
    before = seen(folder)
    for name in (".git/HEAD", "app/.git", ".slipway/secret", ".venv/a", "app/__pycache__/a.pyc"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    assert seen(folder) == before
    (folder / ".dockerignore").write_text("\ufeff*.md\n!.git\n")
    assert seen(folder) == sorted([*before, ".git/HEAD"])


def test_committed_files_are_of_the_time_of_the_commit_and_others_of_their_own(
    folder: Path,
) -> None:
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=First")
    for path in folder.glob("app/*"):
        os.utime(path, (MOMENT + 9, MOMENT + 9))
    assert checkout.moment(folder, seen(folder)) == MOMENT
    assert checkout.moment(folder / "app", ["main.py"]) == MOMENT
    (folder / "app/main.py").write_text("print(22)")
    os.utime(folder / "app/main.py", (MOMENT + 9, MOMENT + 9))
    assert checkout.moment(folder, seen(folder)) == MOMENT + 9
    (folder / "new").write_text("")
    os.utime(folder / "new", (MOMENT + 99, MOMENT + 99))
    assert checkout.moment(folder, seen(folder)) == MOMENT + 99


def test_a_folder_that_git_does_not_know_has_the_time_of_its_newest_file(folder: Path) -> None:
    for name in seen(folder):
        os.utime(folder / name, (5, 5), follow_symlinks=False)
    os.utime(folder / "app/start", (7, 7))
    assert checkout.moment(folder, seen(folder)) == 7


def test_a_copy_ends_when_nobody_waits_for_it_and_nothing_is_left(folder: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), context.copied(folder, seen(folder), MOMENT, stop):
        raise AssertionError
    with context.copied(folder, seen(folder), MOMENT) as copy:
        pass
    assert not copy.parent.exists()


def test_a_file_that_goes_meanwhile_is_named(folder: Path) -> None:
    gone = folder / "app/main.py"
    names = seen(folder)
    gone.unlink()
    with (
        pytest.raises(SlipwayError, match=r"app/main.py cannot be copied to .*: No such file"),
        context.copied(folder, names, MOMENT),
    ):
        raise AssertionError


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all files")
def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "app/start").chmod(0)
    build = Build("api", "demo/api", folder, folder / "Dockerfile", {})
    with pytest.raises(ConfigError, match=r"app/start cannot be read: Permission denied; let"):
        sources.tag(build)


def test_a_name_that_is_not_utf_8_names_an_image_too(folder: Path) -> None:
    build = Build("api", "demo/api", folder, folder / "Dockerfile", {})
    before = sources.tag(build)
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9")).write_text("x")
    assert sources.tag(build) != before
