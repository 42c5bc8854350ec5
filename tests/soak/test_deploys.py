"""Many deploys in a row under load, and a deploy killed after each step of its plan."""

import re
from pathlib import Path

import httpx
import pytest

from tests.e2e.checkout import Checkout
from tests.load.running import load
from tests.soak.rows import Rows
from tests.waiting import MINUTES

pytestmark = pytest.mark.engine
PAGE = "compose/web/site/index.html"
RATE = 10.0  # requests a second: constant, and little beside a deploy
DEPLOY = ("deploy", "--env=testing")


def change(checkout: Checkout, words: str) -> None:
    """Change a line of the page, so that there is something to deploy."""
    path = checkout.path(PAGE)
    path.write_text(f"{path.read_text().rstrip()}\n<!-- {words} -->\n")
    checkout.commit(words)


def address(checkout: Checkout) -> str:
    return f"http://127.0.0.1:{checkout.setting('testing', 'HTTP_PORT')}"


def steps(checkout: Checkout) -> list[str]:
    """Return the names of the steps of the next deploy."""
    plan = checkout.inv(*DEPLOY, "--plan").expect().out
    return re.findall(r"^ *\d+\. (.+?)(?: {2,}|$)", plan, re.MULTILINE)


def test_no_request_fails_while_one_deploy_follows_another(
    project: Checkout, rows: Rows, size: dict[str, float], tmp_path: Path
) -> None:
    count = round(size["SOAK_DEPLOYS"])
    project.inv(*DEPLOY).expect()
    url, records = address(project), tmp_path / "records.tsv"
    with rows.measure("deploys in a row under load", f"{count} deploys") as row:
        with load([url], records, rate=RATE, seconds=count * 10 * MINUTES) as traffic:
            for number in range(count):
                change(project, f"deploy {number}")
                row.result = f"deploy {number + 1} of {count}"
                project.inv(*DEPLOY).expect()
        row.result = f"{traffic.failed} of {len(traffic.run.records)} requests failed"
        assert len(traffic.run.releases()) == count + 1, traffic.run.summary()
        assert traffic.failed == 0, traffic.run.summary()


def test_a_deploy_killed_after_any_of_its_steps_is_finished_by_the_next(
    project: Checkout, rows: Rows
) -> None:
    project.inv(*DEPLOY).expect()
    change(project, "which steps")
    names = steps(project)
    assert len(names) > 5
    with rows.measure("deploy killed after a step", f"{len(names)} steps") as row:
        for name in names:
            row.result = f"after {name}"
            kill_after(project, name)
        row.result = f"{len(names)} of {len(names)} next deploys converged and served"


def kill_after(project: Checkout, step: str) -> None:
    """Kill a deploy when a step's line is there; the next one serves what it was to serve."""
    change(project, f"killed after {step}")
    running = project.begin(*DEPLOY)
    running.wait_for(f"✓ {step}")
    running.kill()
    assert httpx.get(address(project), timeout=60).status_code == 200
    project.inv(*DEPLOY).expect()
    assert f"killed after {step}" in httpx.get(address(project), timeout=60).text
    status = project.inv("status", "--env=testing", "--json").expect().json
    assert status["problems"] == []
    assert "nothing" in project.inv(*DEPLOY, "--plan").expect().out
