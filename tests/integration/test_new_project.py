"""`inv new` and `inv kit.upgrade`: a thin project of its own, which takes later versions."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.environments import environment
from slipway.errors import Refused, UsageError
from slipway.progress import SILENT
from slipway.project import ROOT
from slipway.releases import application
from slipway.scaffold import create, kit, shared, upgrade
from slipway.scaffold.importing import conversion
from slipway.secrets import recipients, sops
from slipway.version import __version__

pytestmark = pytest.mark.depends(
    "inv", "runbooks", "compose", "pyproject.toml", "tasks", "examples"
)
GIT = {"GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@example.org"}
GIT |= {"GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@example.org"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout that calls itself a later version, and differs in some files."""
    root = tmp_path_factory.mktemp("later") / "slipway"
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, listed):
        if not name.startswith(("tests/", "benchmarks/")) and (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    replace(root / "slipway/version.py", __version__, "99.1.0")
    replace(root / "runbooks/deploy.md", 'owner: "@ops"', 'owner: "@others"')
    replace(root / "compose/db/Dockerfile", "ENV PGBACKREST", "ENV LATER=1 PGBACKREST")
    (root / "CHANGELOG.md").write_text("# Changelog\n\n## [99.1.0] - later\n\n- Look here.\n")
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=Later")
    return root


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


def test_an_upgrade_takes_the_later_version_and_keeps_what_the_team_changed(
    project: Path, checkout: Path
) -> None:
    edits = {
        "compose/db/Dockerfile": ("FROM postgres:17\n", "FROM postgres:17\nRUN echo ours\n"),
        "compose/compose.yml": ("replicas: 2", "replicas: 4"),
        "compose/prod.env": ("HTTP_PORT=80", "HTTP_PORT=8000"),
        "README.md": ("# shop", "# Our shop"),
        "backups/policy.yml": ("daily: 7", "daily: 9"),
    }
    for name, (old, new) in edits.items():
        replace(project / name, old, new)
    (project / "tasks" / "report.py").write_text('"""Reports."""\n')
    with pytest.raises(Refused, match="not committed"), upgrade.prepared(str(checkout), project):
        pass
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=Ours")
    with upgrade.prepared(str(checkout), project) as change:
        assert (change.before, change.after) == (__version__, "99.1.0")
        assert "Look here." in change.notes
        assert change.conflicts == []
        change.plan().run(SILENT)
    for name, (_, new) in edits.items():
        assert new in (project / name).read_text(), name
    assert "LATER=1" in (project / "compose/db/Dockerfile").read_text()
    assert '"@others"' in (project / "runbooks/deploy.md").read_text()
    assert kit.version_of(kit.vendored(project)) == "99.1.0"
    assert kit.lock_line(kit.vendored(project)) in (project / "requirements.lock").read_text()
    git(project, "commit", "--quiet", "--all", "--message=Upgrade")
    git(project, "add", "--all")
    with (
        pytest.raises(Refused, match="already"),
        upgrade.prepared(str(kit.vendored(project)), project),
    ):
        pass


def test_changes_that_meet_are_named_and_git_brings_everything_back(
    project: Path, checkout: Path
) -> None:
    replace(project / "runbooks/deploy.md", 'owner: "@ops"', 'owner: "@anna"')
    git(project, "commit", "--quiet", "--all", "--message=Ours")
    with upgrade.prepared(str(checkout), project) as change:
        assert change.conflicts == ["runbooks/deploy.md"]
        steps = {step.name: step for step in change.plan().steps}
        steps["files"].run()
        steps["wheel"].run()
        assert "<<<<<<< yours" in (project / "runbooks/deploy.md").read_text()
        assert steps["files"].undo is not None
        steps["files"].undo()
    assert git(project, "status", "--porcelain") == ""
    assert kit.version_of(kit.vendored(project)) == __version__


def test_neither_an_older_version_nor_another_file_is_taken(
    project: Path, tmp_path: Path, checkout: Path
) -> None:
    replace(project / "kit.yml", __version__, "99.2.0")
    git(project, "commit", "--quiet", "--all", "--message=Newer")
    for to, kind, text in (
        (str(checkout), Refused, "older than 99.2.0"),
        (str(tmp_path), UsageError, "neither a wheel"),
        (str(project / "README.md"), UsageError, "no wheel"),
    ):
        with pytest.raises(kind, match=text), upgrade.prepared(to, project):
            pass
