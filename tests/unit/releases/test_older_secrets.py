"""A deploy by which a secret would go back to a former value is told, and refused in production."""

from dataclasses import replace

import pytest

from slipway.cluster.observed import Observed
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.releases import older_secrets
from slipway.releases.release import Release
from tests.fakes.reporter import RecordingReporter

STAGING = environment.load("staging")
PROD = replace(STAGING, name="prod")
PAST = {1: "old", 2: "new", 3: "new"}  # what the releases on record had


def release(env: Environment, number: int, key: str) -> Release:
    values = {"SESSION_KEY": key, "OTHER": "same"}
    secrets = {name: f"{env.prefix}.{name}.{text}" for name, text in values.items()}
    return Release(number, "1f0c2ab", {}, {}, {}, secrets, ())


def checked(env: Environment, new: str, live: int = 3) -> list[str]:
    """What a deploy is told while one of these releases serves."""
    configs = {
        f"{env.prefix}.release.{number:05d}": {
            "slipway.secrets": " ".join(release(env, number, key).secrets.values())
        }
        for number, key in PAST.items()
    }
    observed = Observed("active true", 0, (), (), configs, frozenset(), frozenset())
    reporter = RecordingReporter()
    serving = release(env, live, PAST[live])
    older_secrets.check(env, observed, release(env, 4, new), serving, reporter)
    return reporter.notes


def test_a_value_that_an_earlier_release_had_is_told_and_refused_in_production() -> None:
    (note,) = checked(STAGING, "old")
    assert "SESSION_KEY would go back to what release 1 had" in note and "OTHER" not in note
    with pytest.raises(Refused, match=r"release 1 had, and release 3 .*add --older-secrets"):
        checked(PROD, "old")


@pytest.mark.parametrize(("new", "live"), [("newer", 3), ("new", 3), ("new", 1), ("old", 1)])
def test_another_value_and_what_a_rollback_left_behind_are_in_order(new: str, live: int) -> None:
    assert checked(PROD, new, live) == []
