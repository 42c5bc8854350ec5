"""`inv new`: a thin project of its own, or one that begins with somebody else's."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.environments import environment
from slipway.errors import Refused
from slipway.progress import SILENT
from slipway.project import ROOT
from slipway.releases import application
from slipway.scaffold import create, kit, shared
from slipway.scaffold.importing import conversion
from slipway.secrets import recipients, sops

pytestmark = pytest.mark.depends(
    "inv", "runbooks", "compose", "pyproject.toml", "tasks", "examples"
)
GIT = {"GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@example.org"}
GIT |= {"GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@example.org"}


@pytest.fixture(scope="module")
def identity() -> Iterator[None]:
    """Somebody whom git knows."""
    with pytest.MonkeyPatch.context() as patch:
        for key, value in GIT.items():
            patch.setenv(key, value)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, identity: None) -> Path:
    """A project as it is made; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("new") / "shop"
    create.NewProject(folder, create.answers("shop", "", "gitlab")).plan().run(SILENT)
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Iterator[Path]:
    yield shutil.copytree(made, tmp_path / "shop", symlinks=True)


def digests(folder: Path) -> dict[str, str]:
    """What every file of a folder holds."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(each): hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def git(folder: Path, *words: str) -> str:
    argv = ["git", "-C", str(folder), "-c", "user.name=T", "-c", "user.email=t@example.org", *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, path
    path.write_text(text.replace(old, new, 1))


def test_a_new_project_is_committed_carries_its_engine_and_opens_its_own_secrets(
    project: Path,
) -> None:
    assert git(project, "status", "--porcelain") == ""
    assert kit.lock_line(kit.vendored(project)) in (project / "requirements.lock").read_text()
    assert recipients.problems(project / "secrets") == []
    for name in ("dev", "testing"):
        env = environment.load(name, project / "compose", project / "secrets")
        assert {"DATABASE_PASSWORD", "BACKUP_SIGNING_KEY"} <= sops.read(env).keys()
    key = (project / "secrets" / "dev.agekey").read_text()
    assert key != (ROOT / "secrets" / "dev.agekey").read_text()
    with shared.rendered(project, kit.vendored(project)) as before:
        assert {file.state for file in shared.look(project, before)} == {"as made"}


def test_a_project_of_others_is_taken_over_with_its_secrets_and_stays_as_it_was(
    tmp_path: Path, identity: None
) -> None:
    old = shutil.copytree(ROOT / "examples" / "notes-node", tmp_path / "old")
    before = digests(old)
    taken = conversion.convert(old, name="notes")
    new = create.NewProject(tmp_path / "notes", create.answers("notes", "", "none"))
    new.take(taken)
    new.plan().run(SILENT)
    assert digests(old) == before
    project = tmp_path / "notes"
    env = environment.load("dev", project / "compose", project / "secrets")
    value = sops.read(env)["SESSION_SECRET"].reveal()
    assert value in (old / ".env").read_text()
    for path in project.rglob("*"):
        assert path.name != ".env" or path.parent.name != "api", path
        if path.is_file() and ".git" not in path.parts:
            assert value.encode() not in path.read_bytes(), path
    assert f"{old / '.env'}: holds secrets" in (project / "MOVE-IN.md").read_text()
    services = {service.name for service in application.read(env).services}
    assert {"api", "web", "worker", "files", "cache", "report", "migrate", "db"} <= services
    assert "nginx" not in services


def test_what_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "")  # git refuses to commit
    monkeypatch.setenv("GIT_COMMITTER_NAME", "")
    (tmp_path / ".shop.0123abcd" / "vendor").mkdir(parents=True)  # of a start that was killed
    new = create.NewProject(tmp_path / "shop", create.answers("shop", "", "none"))
    with pytest.raises(Refused, match="git config --global"):
        new.plan().run(SILENT)
    assert [*tmp_path.iterdir()] == []


def test_a_commit_that_a_hook_refuses_is_not_laid_to_the_identity(
    tmp_path: Path, identity: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = tmp_path / "hooks" / "pre-commit"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\necho 'sign your work' >&2\nexit 1\n")
    hook.chmod(0o755)
    (tmp_path / "gitconfig").write_text(f"[core]\n\thooksPath = {hook.parent}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    new = create.NewProject(tmp_path / "shop", create.answers("shop", "", "none"))
    with pytest.raises(Refused, match="git does not commit: sign your work"):
        new.plan().run(SILENT)
    assert not new.folder.exists()
