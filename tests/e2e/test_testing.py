"""Testing: made fresh, tested by its own service, removed completely."""

import pytest

from tests.e2e import leftovers
from tests.e2e.checkout import Checkout

pytestmark = pytest.mark.engine


def test_testing_is_made_verified_and_removed_without_a_trace(project: Checkout) -> None:
    project.inv("deploy", "--env=testing").expect()
    verified = project.inv("verify", "--env=testing").expect()
    assert " passed" in verified.text
    assert " failed" not in verified.text

    project.inv("destroy", "--env=testing").expect()
    assert leftovers.remaining(f"{project.project}-testing") == []


def test_verifying_what_is_not_there_says_what_to_type(project: Checkout) -> None:
    done = project.inv("verify", "--env=testing").expect(3)
    assert "inv deploy --env=testing" in done.err
