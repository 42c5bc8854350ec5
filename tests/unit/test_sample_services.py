"""The sample system keeps its promises on paper: images, migrations, and the page's own names."""

import re
from pathlib import Path

import pytest

COMPOSE = Path(__file__).parents[2] / "compose"
SITE = COMPOSE / "web" / "site"
BUILT = ["api", "worker", "web", "tests"]


@pytest.mark.parametrize("service", BUILT)
def test_an_image_runs_without_root_and_gets_signals_itself(service: str) -> None:
    dockerfile = (COMPOSE / service / "Dockerfile").read_text()
    assert "\nUSER 10001:10001\n" in dockerfile
    assert re.search(r"^CMD \[", dockerfile, re.MULTILINE), "a shell would swallow SIGTERM"
    assert "# syntax=" not in dockerfile, "a frontend would have to be pulled"


@pytest.mark.parametrize("service", BUILT)
def test_an_image_gets_only_what_its_dockerfile_copies(service: str) -> None:
    lines = (COMPOSE / service / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    for line in lines[1:]:
        assert list((COMPOSE / service).glob(line.removeprefix("!"))), line


@pytest.mark.parametrize("service", ["api", "worker", "tests"])
def test_every_dependency_is_pinned_with_hashes(service: str) -> None:
    text = (COMPOSE / service / "requirements.txt").read_text().replace("\\\n", "")
    locked = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert locked
    assert all("==" in line and "--hash=sha256:" in line for line in locked)
    named = (COMPOSE / service / "requirements.in").read_text().split()
    for requirement in named:
        name = re.split(r"[\[>=<]", requirement)[0]
        assert any(line.startswith(f"{name}==") for line in locked), name


def test_every_migration_can_be_taken_back() -> None:
    migrations = sorted((COMPOSE / "migrations").glob("*.sql"))
    assert migrations
    made: set[str] = set()
    dropped: set[str] = set()
    for migration in migrations:
        assert re.fullmatch(r"\d{14}_[a-z_]+\.sql", migration.name)
        up, separator, down = migration.read_text().partition("-- migrate:down")
        assert up.startswith("-- migrate:up\n")
        assert separator
        made |= set(re.findall(r"CREATE TABLE (\w+)", up))
        dropped |= set(re.findall(r"DROP TABLE (\w+)", down))
    assert made == dropped


def test_the_scripts_find_only_what_the_page_has() -> None:
    ids = set(re.findall(r'\bid="([^"]+)"', (SITE / "index.html").read_text()))
    for script in SITE.glob("*.js"):
        text = script.read_text()
        used = re.findall(r'(?:find|showFailure|open)\("([a-z-]+)"', text)
        used += re.findall(r'submit\(\w+, "([a-z-]+)"', text)
        assert set(used) <= ids, f"{script.name}: {set(used) - ids}"
        for module in re.findall(r'from "\./([^"]+)"', text):
            assert (SITE / module).is_file(), f"{script.name} imports {module}"


def test_the_page_holds_nothing_its_policy_forbids() -> None:
    page = (SITE / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?://", page)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    for script in SITE.glob("*.js"):
        assert "innerHTML" not in script.read_text(), "what people write must stay text"


def test_the_two_probes_are_one() -> None:
    probes = {(COMPOSE / service / "probe.py").read_text() for service in ("api", "worker")}
    assert len(probes) == 1
