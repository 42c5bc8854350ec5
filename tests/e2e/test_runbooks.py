"""Runbooks of this computer, followed cell by cell: the readme's own commands among them."""

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e import leftovers
from tests.e2e.checkout import Checkout, free_ports

pytestmark = pytest.mark.engine
SURE = ("--yes", "--manual-done")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A clone that nobody has used yet: its first command makes its .venv."""
    with leftovers.lent_clone(tmp_path_factory.mktemp("readme")) as made:
        yield made


@pytest.fixture
def unattended(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in CI, where nobody answers; the readme leaves the test suite to it."""
    monkeypatch.setenv("CI", "true")


@pytest.fixture
def dev(project: Checkout) -> Iterator[str]:
    """Where dev will serve; whatever a test deploys there is removed."""
    yield f"http://127.0.0.1:{project.setting('dev', 'HTTP_PORT')}"
    project.inv("destroy", "--env=dev", "--yes=dev").expect()


@pytest.mark.usefixtures("unattended")
def test_the_readme_is_followed_to_the_letter(project: Checkout, dev: str) -> None:
    done = project.inv("runbook.run", "--name=README.md", timeout=20 * 60).expect()
    assert "dev serves release 1" in done.out
    assert httpx.get(dev, timeout=10).status_code == 200
    (run, *_) = project.inv("runbook.history", "--json").expect().json
    assert run["result"] == "done"
    assert project.git("status", "--porcelain") == ""


@pytest.mark.usefixtures("unattended")
def test_a_new_computer_is_made_ready_and_the_loop_is_started_and_stopped(
    project: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("HACKING_PORT", str(port))
    monkeypatch.setenv("PROJECT", project.project)  # the loop's, which may be somebody's else
    project.inv("runbook.run", "--name=bootstrap", *SURE, timeout=20 * 60).expect()
    project.inv("runbook.run", "--name=hack-locally", *SURE, timeout=20 * 60).expect()
    project.inv("runbook.run", "--name=hack-locally", "--section=roll-back").expect()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/", timeout=10)
    asked = project.inv("runbook.list", "--json").expect().json
    (row,) = [row for row in asked if row["name"] == "bootstrap"]
    assert row["last_run"]["result"] == "done"


@pytest.mark.usefixtures("unattended")
def test_a_gate_that_nobody_can_answer_ends_the_run_before_it_begins(project: Checkout) -> None:
    before = project.inv("runbook.history", "--json").expect().json
    refused = project.inv("runbook.run", "--name=deploy", "--env=dev").expect(4)
    assert "runbooks/deploy.md:" in refused.err
    assert "--yes" in refused.err
    assert project.inv("runbook.history", "--json").expect().json == before


@pytest.mark.usefixtures("unattended")
def test_a_deploy_that_was_killed_in_its_cell_is_looked_at_and_gone_on_with(
    project: Checkout, dev: str
) -> None:
    running = project.begin("runbook.run", "--name=deploy", "--env=dev", *SURE)
    running.wait_for("✓ secrets")  # the deploy’s own step: its cell is under way
    running.kill()
    deadline = time.monotonic() + 5 * 60
    while (asked := project.inv("runbook.run", "--resume", *SURE)).code == 75:
        assert "deploy is still running" in asked.err  # it ends by itself
        assert time.monotonic() < deadline
        time.sleep(1)
    assert "may have run" in asked.expect(3).text
    project.inv("runbook.run", "--resume", "--from=deploy", *SURE, timeout=10 * 60).expect()
    assert httpx.get(dev, timeout=10).status_code == 200
    (run, *_) = project.inv("runbook.history", "--env=dev", "--json").expect().json
    assert run["result"] == "done"
    said = project.inv("runbook.show", f"--run={run['run']}").expect().out
    assert "may have run" in said
    assert json.dumps(project.sops("dev", "DATABASE_PASSWORD"))[1:-1] not in said
