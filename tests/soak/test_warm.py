"""Returns to a warm colour on three machines under load: how long they take, and what they lose."""

import statistics
from pathlib import Path

import pytest

from tests.e2e import rig
from tests.e2e.checkout import Checkout
from tests.load.running import load
from tests.soak.rows import Rows
from tests.soak.test_deploys import change

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
RATE = 10.0  # requests a second on each machine: constant, and little beside the commands
RETURNS = 20
CUTOVER, COMMAND = 1.0, 2.5  # seconds that a return may take


def test_a_return_to_a_warm_colour_is_one_cutover_and_fails_no_request(
    project: Checkout, rows: Rows, tmp_path: Path
) -> None:
    three = rig.deployed(project)
    project.set(rig.ENV, KEEP_WARM="60")
    change(project, "warm")
    three.deploy()
    cutovers: list[float] = []
    commands: list[float] = []
    with rows.measure("returns to a warm colour under load", f"{RETURNS} returns") as row:
        with load(three.urls, tmp_path / "records.tsv", rate=RATE) as traffic:
            for number in range(RETURNS):
                release = 1 + number % 2
                words = ("rollback", f"--env={rig.ENV}", f"--release={release}", "--json")
                ended = project.inv(*words).expect()
                assert "take back" in ended.err
                cutovers.append(ended.json["cutover_seconds"])
                commands.append(ended.seconds)
        times = (statistics.median(cutovers), max(cutovers), statistics.median(commands))
        row.result = (
            f"{traffic.failed} of {len(traffic.run.records)} requests failed; all edges in "
            f"{times[0]:.2f} s (at most {times[1]:.2f}), the command in {times[2]:.2f} s"
        )
        assert traffic.failed == 0, traffic.run.summary()
        assert max(cutovers) <= CUTOVER and times[2] <= COMMAND
