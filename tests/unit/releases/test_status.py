"""The status of an environment as an answer to one question: is all well?"""

import pytest

from slipway.cluster.ledger import LedgerEntry
from slipway.errors import DifferenceFound
from slipway.releases.status import Status, check

LIVE = LedgerEntry(7, "live", "blue", "1f0c2ab", "anna", "2026-11-22T19:30:00Z")


def status(*problems: str, live: LedgerEntry | None = LIVE) -> Status:
    return Status("prod", live, (), (), (), problems)


def test_what_serves_without_a_problem_passes_the_check() -> None:
    check(status())


def test_a_problem_fails_the_check_and_the_first_is_named() -> None:
    with pytest.raises(DifferenceFound, match="not as it should be: m2 is down, and 1 more"):
        check(status("m2 is down", "api blue: 1/2 running"))


def test_an_environment_with_nothing_deployed_fails_the_check() -> None:
    with pytest.raises(DifferenceFound, match="prod: nothing is deployed yet"):
        check(status(live=None))
