"""An environment closed for a while: until when, for whom, and that deploys keep it so."""

from datetime import UTC, datetime

import pytest

from slipway.cluster import observed
from slipway.edge.routes import Maintenance
from slipway.errors import UsageError
from slipway.releases import maintenance
from tests.unit.releases.running_swarm import line

NOW = datetime(2026, 12, 1, 21, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("30m", datetime(2026, 12, 1, 21, 30, tzinfo=UTC)),
        ("22:30", datetime(2026, 12, 1, 22, 30, tzinfo=UTC)),
        ("06:00", datetime(2026, 12, 2, 6, 0, tzinfo=UTC)),
        ("2026-12-03T06:00", datetime(2026, 12, 3, 6, 0, tzinfo=UTC)),
        ("2026-12-01T23:30+02:00", datetime(2026, 12, 1, 21, 30, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_length_a_time_of_day_or_a_date(text: str, end: datetime) -> None:
    assert maintenance.until(text, NOW) == end


@pytest.mark.parametrize("text", ["soon", "25:00", "2026-13-01", "2026-12-01T20:59", "-5m"])
def test_an_end_that_is_none_or_has_passed_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--until="):
        maintenance.until(text, NOW)


def test_addresses_that_pass_are_addresses() -> None:
    assert maintenance.addresses("203.0.113.7, 10.0.0.0/8") == ("203.0.113.7", "10.0.0.0/8")
    with pytest.raises(UsageError, match="--allow: office is no address"):
        maintenance.addresses("203.0.113.7,office")


def test_what_is_on_record_is_what_was_said() -> None:
    labels = {"message": "Moving", "until": NOW.isoformat(), "allow": "10.0.0.0/8", "by": "anna"}
    full = {f"slipway.{key}": value for key, value in labels.items()}
    lines = [line("swarm", "active true"), line("now", 1000)]
    there = observed.parse("\n".join([*lines, line("config", 1, "shop-prod.maintenance", full)]))
    closed = Maintenance("Moving", NOW, ("10.0.0.0/8",), "anna", "")
    assert maintenance.read(there, "shop-prod") == closed
    assert maintenance.read(there, "shop") is None
