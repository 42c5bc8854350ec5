"""`inv kit.upgrade`: a project takes a later version, and goes back from each step of it."""

import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from slipway.errors import Refused, UsageError
from slipway.progress import SILENT
from slipway.project import ROOT
from slipway.scaffold import create, kit, shared, unfinished, upgrade
from slipway.version import __version__
from tests import tagged
from tests.thin_project import ThinProject

pytestmark = pytest.mark.depends("inv", "runbooks", "compose", "pyproject.toml", "tasks")
LATER = "99.1.0"
NOTES = "# Changelog\n\n## [99.1.0] - later\n\n- Look here.\n\n### Action required\n\n- Do it.\n"
RESUME, ABORT = "inv kit.upgrade --resume", "inv kit.upgrade --abort"


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, had it a later version and some files otherwise."""
    root = tmp_path_factory.mktemp("later") / "slipway"
    argv = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if not name.startswith(("tests/", "benchmarks/")) and (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    kit_of_later = ThinProject(root, root.parent / "home")
    kit_of_later.replace("slipway/version.py", __version__, LATER)
    kit_of_later.replace("runbooks/deploy.md", 'owner: "@ops"', 'owner: "@others"')
    kit_of_later.replace("compose/db/Dockerfile", "ENV PGBACKREST", "ENV LATER=1 PGBACKREST")
    (root / "compose/edge/later.json").write_text("{}\n")
    (root / "CHANGELOG.md").write_text(NOTES)
    return kit.build(root, root.parent)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> ThinProject:
    """A project as it is made; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("new")
    project = ThinProject(folder / "shop", folder / "home")
    with pytest.MonkeyPatch.context() as patch:
        for key, value in project.environment().items():
            patch.setenv(key, value)
        new = create.NewProject(project.root, create.answers("shop", "", "github"))
        new.plan().run(SILENT)
    return project


@pytest.fixture
def project(template: ThinProject, tmp_path: Path) -> ThinProject:
    root = shutil.copytree(template.root, tmp_path / "shop", symlinks=True)
    return ThinProject(root, tmp_path / "home")


def test_an_upgrade_keeps_what_the_team_changed_and_is_checked_by_the_later_version(
    project: ThinProject, later: Path
) -> None:
    edits = {
        "compose/db/Dockerfile": ("FROM postgres:17\n", "FROM postgres:17\nRUN echo ours\n"),
        "compose/compose.yml": ("replicas: 2", "replicas: 4"),
        "compose/prod.env": ("HTTP_PORT=80", "HTTP_PORT=8000"),
        "README.md": ("# shop", "# Our shop"),
        "backups/policy.yml": ("daily: 7", "daily: 9"),
    }
    for name, (old, new) in edits.items():
        project.replace(name, old, new)
    project.path(".pre-commit-config.yaml").unlink()
    project.path("tasks/report.py").write_text('"""Reports."""\n')
    with pytest.raises(Refused, match="not committed"), prepared(project, later):
        pass
    project.commit("Ours")
    with prepared(project, later, upgrade.Options(env="staging", commits=True)) as change:
        steps = [step.name for step in change.preview().steps]
        assert steps == ["files", "engine", "checks", "tests", "commit", "deploy"]
    assert project.git("status", "--porcelain") == ""

    text = project.inv("kit.upgrade", f"--to={later}", "--no-tests")
    assert "Look here." in text and text.count("! Do it.") == 2
    assert f"✓ engine     Slipway {LATER}" in text and "✓ checks" in text
    for name, (_, new) in edits.items():
        assert new in project.path(name).read_text(), name
    assert "LATER=1" in project.path("compose/db/Dockerfile").read_text()
    assert '"@others"' in project.path("runbooks/deploy.md").read_text()
    assert project.path("compose/edge/later.json").exists()
    assert not project.path(".pre-commit-config.yaml").exists()
    project.commit("Upgrade")
    with pytest.raises(Refused, match="already"), prepared(project, later):
        pass


def test_what_the_checks_find_takes_the_version_back_where_a_person_wants_it(
    project: ThinProject, later: Path
) -> None:
    project.path("runbooks/ours.md").write_text("# Ours\n\n```sh\ninv no.such\n```\n")
    project.commit("A runbook that names what is not there")
    before = project.files()
    text = project.inv("kit.upgrade", f"--to={later}", "--no-tests", code=1)
    assert "no.such" in text and RESUME in text and ABORT in text
    assert f"{__version__} to {LATER} is under way" in project.inv("kit.status")
    with pytest.raises(Refused, match="is under way"), prepared(project, later):
        pass
    project.inv("kit.upgrade", "--abort")
    assert (project.files(), project.git("status", "--porcelain")) == (before, "")
    with pytest.raises(Refused, match="no upgrade is under way"):
        unfinished.demand(project.root)


def test_a_deploy_to_machines_is_of_a_commit_which_git_takes_back(
    project: ThinProject, later: Path
) -> None:
    to_staging = (f"--to={later}", "--no-tests", "--env=staging")
    text = project.inv("kit.upgrade", *to_staging, code=3)
    assert "✓ commit" in text and "secrets/staging.sops.yaml" in text.splitlines()[-1]
    assert project.git("log", "-1", "--format=%s") == f"Upgrade Slipway to {LATER}\n"
    assert project.git("status", "--porcelain") == ""
    assert "git revert --no-edit HEAD" in project.inv("kit.upgrade", "--abort", code=3)
    assert "— deploy" in project.inv("kit.upgrade", "--resume", code=3)


def test_conflicts_are_named_settled_and_resumed(project: ThinProject, later: Path) -> None:
    both = ("compose/db/Dockerfile", "compose/edge/later.json")
    project.replace("runbooks/deploy.md", 'owner: "@ops"', 'owner: "@anna"')  # which is no conflict
    project.replace("compose/db/Dockerfile", "ENV PGBACKREST", "ENV OURS=1 PGBACKREST")
    project.path("compose/edge/later.json").write_text('{"ours": true}\n')  # which it brings too
    project.commit("Ours")
    ours = project.files()
    text = project.inv("kit.upgrade", f"--to={later}", "--no-tests", code=5)
    assert f"error: {both[0]}, {both[1]}: your changes" in text
    assert "<<<<<<< yours" in project.path(both[0]).read_text()
    project.path(both[1]).write_bytes(ours[both[1]])
    assert f"error: {both[0]}: your" in project.inv("kit.upgrade", "--resume", code=5)
    project.path(both[0]).write_bytes(ours[both[0]])
    assert f"Slipway {LATER} is in place" in project.inv("kit.upgrade", "--resume")


def test_an_upgrade_that_was_killed_while_it_wrote_is_taken_back_or_resumed(
    project: ThinProject, later: Path
) -> None:
    before = project.files()
    leave_half_written(project, later)
    project.path("README.md").write_text("Edited meanwhile, and no part of it.\n")
    unfinished.abort(project.root).run(SILENT)
    assert project.git("status", "--porcelain").split() == ["M", "README.md"]
    assert project.files().keys() == before.keys()

    project.git("checkout", "README.md")
    leave_half_written(project, later)
    assert "✓ checks" in project.inv("kit.upgrade", "--resume")
    assert project.inv("--version").split()[1] == LATER
    assert len([*project.path("vendor").glob("*.whl")]) == 1


def leave_half_written(project: ThinProject, later: Path) -> None:
    """Do what a kill leaves: the new files and both wheels, the lock not yet."""
    with prepared(project, later, upgrade.Options(tests=False)) as change:
        unfinished.begin(project.root, change.record, change.wheel)
        shutil.copy(later, project.path("vendor"))
        for merge in [each for each in change.merges if each.path != upgrade.LOCK]:
            shared.put(project.root, merge)


def test_a_version_that_cannot_be_installed_changes_nothing(
    project: ThinProject, later: Path
) -> None:
    project.inv("--version")
    before = project.files()
    (project.home / "offline").touch()
    text = project.inv("kit.upgrade", f"--to={later}", code=1)
    assert f"Slipway {LATER} is not installed: inv: the package index does not answer" in text
    assert project.files() == before
    assert project.inv("--version").split()[1] == __version__


def test_neither_an_older_version_nor_another_file_nor_one_that_git_ignores_is_taken(
    project: ThinProject, tmp_path: Path, later: Path
) -> None:
    aside = project.path(".git").rename(tmp_path / "aside")
    with pytest.raises(Refused, match="is not a git checkout"), prepared(project, later):
        pass
    aside.rename(project.path(".git"))
    project.path(".gitignore").write_text("/vendor/*99*\n")
    project.commit("Ignore")
    with pytest.raises(Refused, match=r"git ignores vendor/slipway-99"), prepared(project, later):
        pass
    project.replace("kit.yml", __version__, "99.2.0")
    project.commit("Newer")
    for to, kind, text in (
        (later, Refused, "older than 99.2.0"),
        (tmp_path, UsageError, "neither a wheel"),
        (project.path("README.md"), UsageError, "no wheel"),
    ):
        with pytest.raises(kind, match=text), prepared(project, to):
            pass


def test_a_project_of_the_version_before_comes_to_this_one_without_a_conflict(
    tmp_path: Path,
) -> None:
    """Of the newest tag; tests/soak has the three newest, by the engines that they carry."""
    tags = tagged.newest(1)
    if not tags:
        pytest.skip(tagged.WHY_NONE)
    project = tagged.worked_on(tags[0], tmp_path)
    with prepared(project, kit.build(ROOT, tmp_path)) as change:
        assert change.record.conflicts == []
        change.plan().run(SILENT)
    tagged.assert_changes_are_there(project)
    project.inv("test", "--only=checks")
    assert "sent" in project.inv("report.send")


def prepared(
    project: ThinProject, to: Path, options: upgrade.Options = upgrade.USUAL
) -> AbstractContextManager[upgrade.Upgrade]:
    return upgrade.prepared(str(to), project.root, options)
