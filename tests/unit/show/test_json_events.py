"""Progress as a program reads it: each line on stderr is one event."""

import json

import pytest

from slipway.plan import Plan, Step
from slipway.progress import Lane
from slipway.show.json_events import JsonReporter


def test_each_event_is_a_line_of_json_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = JsonReporter()

    def ship() -> str:
        reporter.progress("m1", 5, 10)
        reporter.lane(Lane("m1", "receives api", 7, 9, "bytes"))
        reporter.note("two\nlines \x1b[31m")
        return "sent"

    def fail() -> str:
        raise OSError

    steps = [Step("ship", "bring the images", ship, lambda: None), Step("fill", "start", fail)]
    with pytest.raises(OSError):
        Plan("deploy", steps).run(reporter)
    shown = capsys.readouterr()
    events = [json.loads(line) for line in shown.err.splitlines()]
    assert shown.out == ""
    assert [event["event"] for event in events] == [
        *("started", "progress", "machine", "note", "finished", "started", "failed", "undone")
    ]
    assert (events[1]["current"], events[1]["total"]) == (5, 10)
    facts = {"machine": "m1", "doing": "receives api", "done": 7, "total": 9, "unit": "bytes"}
    assert facts.items() <= events[2].items()
    assert events[3]["text"] == "two\nlines \x1b[31m"
    assert events[-1]["step"] == "ship"
