"""Versions of the kit that have a tag, and a project that a team made with one and changed."""

import subprocess
import sys
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from slipway.project import ROOT
from tests.thin_project import ThinProject

WHY_NONE = "no version has a tag in this clone: git fetch --tags"
# Everywhere a project invites its team to change something: other words, more lines, more files.
CHANGED: Mapping[str, tuple[str, str]] = {
    "compose/compose.yml": ("replicas: 2", "replicas: 1"),
    "compose/prod.env": ("HTTP_PORT=80\n", "HTTP_PORT=8000\n"),
    "backups/policy.yml": ("daily: 7", "daily: 9"),
    "runbooks/disk-full.md": ('owner: "@ops"', 'owner: "@ada"'),
    "README.md": ("## Every day", "We meet on Mondays.\n\n## Every day"),
    "compose/web/site/index.html": ("<h1>", "<h1>Our "),
}
LONGER: Mapping[str, str] = {
    "compose/settings.yml": "GREETING: {default: hello, help: How visitors are greeted.}\n",
    "compose/common.env": "GREETING=hi\n",
    "compose/slipway.yml": "# Ours: we keep an eye on the memory of db.\n",
    "compose/db/Dockerfile": "LABEL ours=db\n",
    "compose/edge/Dockerfile": "LABEL ours=edge\n",
    "compose/ops/Dockerfile": "LABEL ours=ops\n",
    ".github/workflows/ci.yml": "      - run: echo ours\n",
    ".pre-commit-config.yaml": "# Ours go here.\n",
    ".gitignore": "/ours/\n",
}
REPORT = """'Reports.'

from slipway_tasks.command import command


@command()
def send() -> None:
    'Send the report.'
    print("sent")
"""
NEW: Mapping[str, str] = {
    "tasks/report.py": REPORT,
    "tests/cases/test_ours.py": "def test_ours() -> None:\n    assert True\n",
    "runbooks/ours.md": "# Ours\n\n```sh\ninv report.send\n```\n",
}


def newest(count: int) -> list[str]:
    """List the newest versions that have a tag and lead to this checkout."""
    argv = ["git", "-C", str(ROOT), "tag", "--list", "v*", "--merged", "HEAD"]
    argv.append("--sort=-version:refname")
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()[:count]


def worked_on(tag: str, folder: Path, name: str = "shop") -> ThinProject:
    """Make a project with the kit of a tag, and change it as a team does."""
    project = ThinProject(folder / name, folder / "home")
    archive = ["git", "-C", str(ROOT), "archive", tag]
    content = subprocess.run(archive, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(content)) as tar:
        tar.extractall(folder / "kit", filter="data")
    program = [sys.executable, "-I", str(folder / "kit/tasks/program.py")]
    words = ["--search-root", str(folder / "kit"), "new", f"--to={project.root}", "--yes"]
    subprocess.run([*program, *words], env=project.environment(), check=True, capture_output=True)
    for path, (old, new) in CHANGED.items():
        project.replace(path, old, new)
    for path, text in LONGER.items():
        with project.path(path).open("a") as file:
            file.write(text)
    for path, text in NEW.items():
        project.path(path).write_text(text)
    project.commit("Our own")
    return project


def assert_changes_are_there(project: ThinProject) -> None:
    """See that nothing of the team's is lost."""
    texts = {name: new for name, (_, new) in CHANGED.items()} | dict(LONGER) | dict(NEW)
    lost = [name for name, text in texts.items() if text not in project.path(name).read_text()]
    assert not lost
