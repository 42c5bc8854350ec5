"""Releases that are bad in ways that only show when they run: users notice none of them."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e import checkout
from tests.e2e.checkout import Checkout, docker
from tests.load.record import Record
from tests.load.running import load

pytestmark = pytest.mark.engine
ENV = "--env=testing"
API = "compose/api/logbook/__main__.py"
LAB = "compose/api/logbook/routes/lab.py"
DIES = """def main() -> None:
    import threading, os
    threading.Timer({seconds}, os._exit, [7]).start()
"""


@pytest.fixture(scope="module")
def first(project: Checkout) -> Iterator[Checkout]:
    """The clone with its first release in testing."""
    with checkout.kept_as_it_is(project):
        project.shrink("testing")
        project.set("testing", SETTLE_TIME="5")
        project.commit("Deploy testing")
        project.inv("deploy", ENV).expect()
        yield project
    project.inv("destroy", ENV).expect()


def url(first: Checkout) -> str:
    return f"http://127.0.0.1:{first.setting('testing', 'HTTP_PORT')}"


def serving(first: Checkout) -> str:
    return str(httpx.get(f"{url(first)}/api/version", timeout=10).json()["release"])


def failed_deploy(first: Checkout, records: Path) -> tuple[str, list[Record]]:
    """Deploy what is bad, and see the release of before serve; return the text and what failed."""
    before = serving(first)
    first.commit("Do something bad")
    with load([url(first)], records, rate=40, at_least=400) as made:
        text = first.inv("deploy", ENV).expect(4).text
    assert made.run.releases(since=made.run.records[-1].began - 0.5) == {before}
    assert f"release {before} " in text and "serves as before" in text
    assert first.inv("status", ENV, "--json").expect().json["problems"] == []
    return text, made.run.failed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("compose/edge/Dockerfile", 'CMD ["edge", "run"]', 'CMD ["edge", "runn"]'), "edge-trial"),
        ((API, "def main() -> None:\n", DIES.format(seconds=3)), "non-zero exit (7)"),
    ],
    ids=["an edge that does not start", "it dies after 3 seconds"],
)
def test_what_only_shows_when_it_runs_is_taken_back(
    first: Checkout, records: Path, change: tuple[str, str, str], words: str
) -> None:
    with checkout.kept_as_it_is(first):
        first.replace(*change)
        text, failed = failed_deploy(first, records)
    assert words in text and failed == []


def test_a_migration_that_fails_is_taken_back_with_its_words_and_replaces_nothing(
    first: Checkout, records: Path
) -> None:
    before = running(first)
    with checkout.kept_as_it_is(first):
        bad = "-- migrate:up\ncreate table half ();\nselect 1 / 0;\n-- migrate:down\n"
        first.path("compose/migrations/20300101000000_bad.sql").write_text(bad)
        text, failed = failed_deploy(first, records)
    assert "division by zero" in text and "20300101000000_bad.sql" in text
    assert failed == [] and running(first) == before
    tables = first.inv("db.query", ENV, "--json", "--sql=select to_regclass('half') as half")
    assert tables.expect().json == [{"half": None}]


def running(first: Checkout) -> set[str]:
    """Return the tasks of what serves and of the database; operations may be replaced.

    Those of an earlier release that still end do not count.
    """
    label = f"label=slipway.app={first.project}-testing"
    services = docker("service", "ls", "--format", "{{.Name}}", "--filter", label).split()
    lasting = [name for name in services if "-ops_" not in name]
    kept = ("--no-trunc", "--filter", "desired-state=running", "--format", "{{.ID}}")
    return set(docker("service", "ps", *kept, *lasting).split())


def test_a_release_that_dies_with_its_users_loses_only_what_was_in_flight_then(
    first: Checkout, records: Path
) -> None:
    with checkout.kept_as_it_is(first):
        first.replace(API, "def main() -> None:\n", DIES.format(seconds=9))
        text, failed = failed_deploy(first, records)
    assert "non-zero exit (7)" in text
    # What is begun later waits in the edge; of what a process has taken, its end is the end.
    began, ended = [each.began for each in failed], [each.ended for each in failed]
    assert max(began, default=0.0) <= min(ended, default=0.0), failed


def test_a_release_whose_answers_fail_goes_back_by_what_the_edges_counted(
    first: Checkout, records: Path
) -> None:
    with checkout.kept_as_it_is(first):
        first.replace(
            LAB, "kind = request", "raise RuntimeError('the ink is gone')\n    kind = request"
        )
        text, failed = failed_deploy(first, records)
    assert "more requests fail than before: " in text and "the ink is gone" in text
    assert {each.status for each in failed} == {500}, failed


def test_operations_are_where_users_are_after_a_failed_deploy_and_after_a_rollback(
    first: Checkout,
) -> None:
    """A release with another database fails, then another one serves and is taken back."""
    first.inv("db.shell", ENV, "--write", "--command=create database other").expect()
    with checkout.kept_as_it_is(first):
        first.set("common", DATABASE_NAME="other")
        first.set("testing", SETTLE_TIME="1")
        first.commit("Move to another database")
        with checkout.kept_as_it_is(first):
            first.replace(API, "def main() -> None:\n", DIES.format(seconds=0))
            first.commit("Fail there")
            first.inv("deploy", ENV).expect(4)
        assert database(first) == "logbook"
        first.inv("deploy", ENV).expect()
        assert database(first) == "other"
        first.inv("verify", ENV).expect()  # it was migrated, though it has the same files

    first.inv("rollback", ENV).expect()
    assert database(first) == "logbook"
    first.inv("status", ENV, "--check").expect()


def database(first: Checkout) -> str:
    """Return the database that the operations act on."""
    outcome = first.inv("db.query", ENV, "--json", "--sql=select current_database() as name")
    return str(outcome.expect().json[0]["name"])
