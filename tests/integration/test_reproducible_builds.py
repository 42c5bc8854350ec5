"""Images of one commit: the same from every checkout, whatever its modes, owner and clock."""

import io
import os
import subprocess
import tarfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.hosts.host import Host
from slipway.hosts.local import LocalHost
from slipway.images import sources
from slipway.images.sources import Build, Image
from slipway.progress import SILENT
from slipway.project import STATE
from tests.integration import nested
from tests.integration.docker_sandbox import DockerSandbox

pytestmark = pytest.mark.engine

COMMITTED = 1_700_000_000
FILES = {
    "app/main.py": "print('hello')\n",
    "app/bin/start": "#!/bin/sh\nexec python -m main\n",
    "app/deep/er/data.txt": "1",
    ".dockerignore": "secret*\n",
}


@dataclass(frozen=True)
class Clone:
    """A checkout of the one commit."""

    folder: Path
    corner: DockerSandbox

    def build(self, engine: Host | None = None) -> Image:
        """Build as a deploy does, here or on the engine of another computer."""
        engine = engine or LocalHost()
        dockerfile = self.folder / "Dockerfile"
        build = Build("api", f"{self.corner.app}/api", self.folder, dockerfile, {})
        tag = sources.tag(build)
        sources.build(engine, [(build, tag)], SILENT)
        return sources.inspect(engine, [tag])[tag]

    def git(self, *words: str) -> None:
        settings = {
            "GIT_CONFIG_COUNT": "3",
            "GIT_CONFIG_KEY_0": "user.name",
            "GIT_CONFIG_VALUE_0": "Test",
            "GIT_CONFIG_KEY_1": "user.email",
            "GIT_CONFIG_VALUE_1": "test@example.org",
            "GIT_CONFIG_KEY_2": "init.defaultBranch",
            "GIT_CONFIG_VALUE_2": "main",
            "GIT_COMMITTER_DATE": f"{COMMITTED} +0000",
        }
        env = {**os.environ, **settings}
        argv = ["git", "-C", str(self.folder), *words]
        subprocess.run(argv, env=env, check=True, capture_output=True)


@pytest.fixture
def origin(corner: DockerSandbox, tmp_path: Path) -> Clone:
    folder = tmp_path / "origin"
    dockerfile = f"FROM scratch\nLABEL {corner.label}\nCOPY app /app\n"
    # Nothing comes from the cache of another run.
    unique = {"app/unique": uuid.uuid4().hex, "Dockerfile": dockerfile}
    for name, text in {**FILES, **unique}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "app/bin/start").chmod(0o755)
    (folder / "app/current").symlink_to("deep/er")
    clone = Clone(folder, corner)
    clone.git("init", "--quiet")
    clone.git("add", ".")
    clone.git("commit", "--quiet", "--message=First")
    return clone


def cloned(origin: Clone, name: str, umask: str, when: int) -> Clone:
    """Clone with an umask, as of another day, with what a checkout gathers beside its files."""
    folder = origin.folder.with_name(name)
    script = f"umask {umask}; exec git clone --quiet --no-hardlinks {origin.folder} {folder}"
    subprocess.run(["sh", "-c", script], check=True)
    (folder / "app/empty").mkdir()
    (folder / "app/__pycache__").mkdir()
    (folder / "app/__pycache__/main.pyc").write_text(name)
    (folder / "secret").write_text(name)
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (when, when), follow_symlinks=False)
    return Clone(folder, origin.corner)


def held_by(corner: DockerSandbox, image: Image) -> tarfile.TarFile:
    """What an image holds."""
    container = corner.docker("create", "--label", corner.label, image.id, "none")
    argv = ["docker", "cp", f"{container}:/app", "-"]
    data = subprocess.run(argv, capture_output=True, check=True).stdout
    return tarfile.open(fileobj=io.BytesIO(data))


def members(corner: DockerSandbox, image: Image) -> dict[str, tarfile.TarInfo]:
    return {member.name.rstrip("/"): member for member in held_by(corner, image)}


def content(corner: DockerSandbox, image: Image, name: str) -> str:
    file = held_by(corner, image).extractfile(name)
    assert file is not None
    return file.read().decode()


@pytest.mark.hosts
def test_two_clones_of_a_commit_build_one_image_on_two_computers(origin: Clone) -> None:
    ours = cloned(origin, "ours", "022", 1_750_000_000)
    theirs = cloned(origin, "theirs", "077", 1_000_000_000)
    if os.geteuid() == 0:
        for path in (theirs.folder / "app").rglob("*"):
            os.chown(path, 4711, 4711, follow_symlinks=False)
    assert (theirs.folder / "app/main.py").stat().st_mode & 0o777 == 0o600
    shared = (STATE, origin.folder.parent)
    volumes = [word for path in shared for word in ("--volume", f"{path}:{path}")]
    engine = nested.start(origin.corner, *volumes)
    # The same name, and the digest of all layers and settings.
    assert theirs.build(engine) == ours.build()


def test_a_file_of_the_same_size_and_time_is_never_taken_for_that_of_another_build(
    origin: Clone,
) -> None:
    texts = []
    for text in ("one", "two"):
        (origin.folder / "app/unique").write_text(text)
        os.utime(origin.folder / "app/unique", (COMMITTED, COMMITTED))
        texts.append(content(origin.corner, origin.build(), "app/unique"))
    assert texts == ["one", "two"]


def test_everybody_in_the_container_may_read_and_times_are_those_of_the_commit(
    origin: Clone,
) -> None:
    image = cloned(origin, "theirs", "077", 1_000_000_000).build()
    held = members(origin.corner, image)
    assert {name: member.mode for name, member in held.items() if not member.issym()} == {
        **dict.fromkeys(("app", "app/bin", "app/deep", "app/deep/er"), 0o755),
        **dict.fromkeys(("app/main.py", "app/unique", "app/deep/er/data.txt"), 0o644),
        "app/bin/start": 0o755,
    }
    assert held["app/current"].linkname == "deep/er"
    assert {(m.uid, m.gid, int(m.mtime)) for m in held.values()} == {(0, 0, COMMITTED)}


def test_what_is_not_committed_is_of_its_own_time_so_that_no_browser_takes_it_for_the_old(
    origin: Clone,
) -> None:
    changed = origin.folder / "app/main.py"
    changed.write_text("print('HELLO')\n")
    os.utime(changed, (COMMITTED + 99, COMMITTED + 99))
    held = members(origin.corner, origin.build())
    assert {int(member.mtime) for member in held.values()} == {COMMITTED + 99}


def test_where_a_file_system_keeps_no_modes_git_says_what_is_a_program(origin: Clone) -> None:
    expected = cloned(origin, "own", "000", 1_750_000_000).build()
    clone = cloned(origin, "foreign", "000", 1_750_000_000)
    clone.git("config", "core.fileMode", "false")
    for path in clone.folder.rglob("app/**/*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o777)
    assert clone.build() == expected
