"""Secrets in the open are found by name and form, in files and history, and never repeated."""

import shutil
import subprocess
from pathlib import Path

import pytest

from slipway.checks import plain_secrets
from slipway.project import COMPOSE, ROOT

CANARY = "canary77f0e2"
TOKEN = "gh" + "p_" + "a1B2" * 9  # in two parts: this file is in git too


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The sample's settings, in a repository of a test's own."""
    (tmp_path / "compose" / "api").mkdir(parents=True)
    for path in (*COMPOSE.glob("[!.]*.env"), COMPOSE / "settings.yml"):
        shutil.copy(path, tmp_path / "compose")
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def write(project: Path, name: str, text: str) -> None:
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(path.read_text() + text if path.exists() else text)
    git(project, "add", "--force", name)


def test_this_project_and_the_sample_have_none(project: Path) -> None:
    assert list(plain_secrets.in_files(project)) == []
    assert list(plain_secrets.in_files(ROOT)) == []


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("compose/staging.env", f"MAIL_PASSWORD={CANARY}\n", "compose/staging.env: MAIL_PASSWORD"),
        ("compose/common.env", f"MAIL=smtp://u:{CANARY}@mail\n", "compose/common.env: MAIL looks"),
        ("compose/dev.env", f"GITHUB={TOKEN}\n", "compose/dev.env: GITHUB looks"),
        ("compose/api/Dockerfile", f"ENV API_TOKEN={CANARY}\n", "Dockerfile:1: ENV API_TOKEN"),
        ("compose/api/Dockerfile", f"ENV API_KEY {CANARY} x\n", "Dockerfile:1: ENV API_KEY"),
        ("compose/api/Dockerfile", "FROM x\nARG NPM_TOKEN\n", "Dockerfile:2: ARG NPM_TOKEN"),
        ("compose/api/Dockerfile", f"ENV A=1 \\\n  X={TOKEN}\n", "Dockerfile:1: ENV X"),
        ("compose/api/Dockerfile", "ENV TOKEN_FILE=/run/secrets/T KEY_ID=x PASS=off\n", ""),
        (".env", f"SECRET_KEY={CANARY}\n", ".env is in git for all to read"),
        ("web/.env.production", f"export A_TOKEN='{CANARY}'\n", "web/.env.production is in git"),
        (".env", "PORT=80\nDEBUG=true\nA_TOKEN=\n", ""),
        (".env.example", "SECRET_KEY=change-me\n", ""),
        ("ada.agekey", "x\n", "ada.agekey is in git"),
    ],
)
def test_each_is_named_by_its_place_and_never_by_value(
    project: Path, file: str, text: str, place: str
) -> None:
    write(project, file, text)
    problems = list(plain_secrets.in_files(project))
    assert len(problems) == bool(place)
    assert all(place in line and CANARY not in line and TOKEN not in line for line in problems)


def test_what_says_of_itself_that_it_is_no_secret_is_none(project: Path) -> None:
    write(project, "compose/settings.yml", "CSRF_TOKEN: {type: text, secret: false}\n")
    write(project, "compose/common.env", "CSRF_TOKEN=header\n")
    assert list(plain_secrets.in_files(project)) == []


def test_a_token_that_was_committed_and_removed_is_found_in_the_history(project: Path) -> None:
    write(project, "deploy.sh", f"export X={TOKEN}\n")
    git(project, "commit", "--quiet", "-m", "Oops")
    (project / "deploy.sh").write_text("export X=$X\n")
    git(project, "commit", "--quiet", "--all", "-m", "Nothing to see")
    lines = list(plain_secrets.in_history(project))
    assert len(lines) == 2  # where it came and where it went
    assert all(line.startswith("deploy.sh: commit ") and " of Ada, " in line for line in lines)
    assert TOKEN not in "".join(lines)


def test_a_private_key_that_is_staged_is_found_whatever_its_file_is_called(project: Path) -> None:
    write(project, "notes.txt", f"# mine\nAGE-SECRET-KEY-1{'Q' * 58}\n")
    git(project, "add", "notes.txt")
    (problem,) = plain_secrets.in_files(project)
    assert problem.startswith("notes.txt holds a private age key") and "QQQ" not in problem
