"""Each of the last three versions comes to this one by its own engine, and what runs goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.project import ROOT
from slipway.scaffold import kit
from tests import tagged
from tests.e2e import checkout, leftovers
from tests.soak.rows import Rows
from tests.thin_project import ThinProject

pytestmark = [pytest.mark.engine, pytest.mark.depends("inv", "runbooks", "compose", "tasks")]
TAGS = tagged.newest(3)
DEV = "--env=dev"


@pytest.fixture(params=TAGS or [""])
def lived_in(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ThinProject]:
    """A project of a tag, on ports of its own, with a name that nobody else has."""
    if not request.param:
        pytest.skip(tagged.WHY_NONE)
    name = leftovers.new_name()
    with leftovers.swept(name):
        project = tagged.worked_on(request.param, tmp_path, name)
        dev, testing = checkout.free_ports(2)
        project.replace("compose/dev.env", "HTTP_PORT=8080", f"HTTP_PORT={dev}")
        project.replace("compose/testing.env", "HTTP_PORT=8081", f"HTTP_PORT={testing}")
        with project.path("compose/common.env").open("a") as file:
            file.write("HEALTH_TIMEOUT=600\n")
        project.commit("Settle on this computer")
        yield project


def test_a_version_before_comes_to_this_one_and_what_runs_goes_on(
    lived_in: ThinProject, rows: Rows, tmp_path: Path
) -> None:
    before = lived_in.inv("--version").split()[1]
    with rows.measure("upgrade of a project's Slipway, deployed", f"from {before}") as row:
        lived_in.inv("deploy", DEV)
        lived_in.inv("kit.upgrade", f"--to={kit.build(ROOT, tmp_path)}")
        tagged.assert_changes_are_there(lived_in)
        lived_in.inv("test")
        lived_in.commit("Upgrade Slipway")
        lived_in.inv("deploy", DEV)
        lived_in.inv("status", DEV, "--check")
        lived_in.inv("verify", DEV)
        lived_in.inv("rollback", DEV)
        lived_in.inv("status", DEV, "--check")
        lived_in.inv("destroy", DEV, "--yes=dev")
        row.result = "no conflict; the second release serves, and the first again after a rollback"
