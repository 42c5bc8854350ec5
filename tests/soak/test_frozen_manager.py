"""A deploy whose manager freezes while a colour is filled: taken back, or continued without it."""

import pytest

from tests.e2e import rig
from tests.e2e.checkout import Checkout
from tests.soak.rows import Rows

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
STAGING = "--env=staging"


def test_a_manager_that_freezes_hides_no_sentence_and_stops_no_deploy_that_may_continue(
    project: Checkout, rows: Rows
) -> None:
    project.borrow_packages()
    three = rig.deployed(project, impatient=True)
    name = three.spare()
    others = three.lead_with(name)
    with rows.measure("deploys whose manager freezes", "3 machines, 2 deploys") as row:
        before = three.releases()
        text = rig.deploy_while_frozen(three, name, "20").expect(4).text
        assert f"; continuing with {others[0]}" in text, text
        last = text.strip().splitlines()[-2:]
        assert last[0].endswith(f"serves as before on {', '.join(others)}")
        assert last[1].startswith(f"not seen: {name}: ")
        assert three.releases() == before
        row.result = "1 taken back"

        text = rig.deploy_while_frozen(three, name, "21", "--skip-unreachable").expect().text
        assert f"continuing without {name}" in text, text
        three.deploy()
        assert len(three.releases()) == 1
        project.inv("status", STAGING, "--check").expect()
        row.result = "1 taken back, 1 continued without it"
