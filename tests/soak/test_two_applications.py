"""Two applications on one machine: each has an edge of its own, and none sees the other go."""

from pathlib import Path

import pytest

from tests.e2e import leftovers
from tests.e2e.checkout import Checkout, docker
from tests.e2e.rig import tasks
from tests.load.running import load
from tests.soak.rows import Rows

pytestmark = pytest.mark.engine
TESTING = "--env=testing"
RATE = 20.0  # requests a second: constant, and little beside a deploy


def test_one_application_comes_and_goes_beside_another_that_serves(
    project: Checkout, rows: Rows, tmp_path: Path
) -> None:
    with leftovers.lent_clone(tmp_path / "another") as another:
        for each in (project, another):
            each.shrink("testing")
            each.commit("Be small")
        project.inv("deploy", TESTING).expect()
        port, own = (each.setting("testing", "HTTP_PORT") for each in (project, another))
        app = f"{project.project}-testing"
        before = tasks(docker, app)

        another.set("testing", HTTP_PORT=port)
        another.commit("Want the port of somebody else")
        refused = another.inv("deploy", TESTING).expect(3).err
        assert f"port {port} of " in refused and f"{app}-edge" in refused
        assert "Nothing was changed" in refused
        assert leftovers.remaining(f"{another.project}-testing") == []
        another.set("testing", HTTP_PORT=own)
        another.commit("Have one of its own")

        with rows.measure("an application beside another", "deployed and removed") as row:
            with load([f"http://127.0.0.1:{port}"], tmp_path / "records", rate=RATE) as traffic:
                another.inv("deploy", TESTING).expect()
                another.inv("destroy", TESTING).expect()
            row.result = f"{traffic.failed} of {len(traffic.run.records)} requests failed"
        assert traffic.failed == 0, traffic.run.summary()
        assert tasks(docker, app) == before
        assert leftovers.remaining(f"{another.project}-testing") == []
    assert "up to date" in project.inv("deploy", TESTING).expect().out
    project.inv("destroy", TESTING).expect()
    assert leftovers.remaining(app) == []
