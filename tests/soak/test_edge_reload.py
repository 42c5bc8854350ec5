"""Routes that an edge loads while no other stands in for it: what new connections meet."""

import time

import pytest

from tests.integration import edge_stage
from tests.integration.conftest import module_corner
from tests.integration.edge_stage import Stage
from tests.soak.edge_visitors import Entrance, Visitors
from tests.soak.rows import Rows

pytestmark = pytest.mark.engine
__all__ = ["module_corner"]
stage = edge_stage.stage
LOADS, APART = 20, 1.0  # seconds
RATE = 100.0  # connections a second, each of which sends its request after 0.1 s


def test_an_edge_that_loads_routes_refuses_nobody_and_drops_who_has_not_asked_yet(
    stage: Stage, rows: Rows
) -> None:
    host, _, port = stage.url.removeprefix("http://").partition(":")
    stage.edges.tell(stage.routing(1, "blue"))
    with rows.measure("an edge loads routes", f"{LOADS} times, {RATE:.0f} connections/s") as row:
        with Visitors(Entrance(host, [int(port)]), RATE, stay=False) as visitors:
            time.sleep(2)
            for number in range(LOADS):
                stage.edges.tell(stage.routing(1, "blue", "/*" if number % 2 else "/api/*"))
                time.sleep(APART)
        row.result = f"new {visitors.tally.cell('new')}; kept {visitors.tally.cell('kept')}"
        print(f"\n{row.result}\n{visitors.tally.counts}")
        assert visitors.tally.counts["new"]["ConnectionRefusedError"] == 0
        assert visitors.tally.failed("new") <= LOADS * RATE * 0.15, "more than were connected then"
