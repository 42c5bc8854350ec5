"""What runs is held against the serving release, and a past release against the data of today."""

from dataclasses import replace
from typing import Any

import pytest

from slipway.cluster import ledger
from slipway.releases import schedule, stack
from slipway.releases.differences import differences
from slipway.releases.release import Release
from tests.unit.releases.running_swarm import (
    DATABASE,
    ENV,
    IMAGES,
    POLICY,
    RELEASE,
    SERVICES,
    VOLUME,
    running,
)


def test_what_runs_as_its_release_says_is_no_difference() -> None:
    assert differences(ENV, running(), RELEASE, "blue") == []


def test_every_part_that_is_of_another_release_is_named() -> None:
    other = replace(
        RELEASE, images={**RELEASE.images, "db": "sha256:other"}, services=RELEASE.services[:-2]
    )
    assert differences(ENV, running(DATABASE_NAME="other", PRICE="6"), RELEASE, "blue") == [
        "ops runs with another DATABASE_NAME than release 3 (c0ffee) has",
        "api-blue runs with another PRICE than release 3 (c0ffee) has",
    ]
    assert differences(ENV, running(), other, "blue") == [
        "db runs with another image than release 3 (c0ffee) has",
        "edge runs, and release 3 (c0ffee) has no such service",
        "api-blue runs, and release 3 (c0ffee) has no such service",
    ]
    assert differences(ENV, running(), RELEASE, "green") == ["api-green does not run"]


def with_service(name: str, **spec: Any) -> Release:
    """The release with one service described otherwise."""
    services = (replace(s, spec={**s.spec, **spec}) if s.name == name else s for s in SERVICES)
    return replace(RELEASE, services=tuple(services), secrets={"KEY": "KEY.1"})


@pytest.mark.parametrize(
    ("release", "sentence"),
    [
        (with_service("api", deploy={"replicas": 0}), "api-blue runs with another number of repl"),
        (with_service("api", command=["work"]), "api-blue runs with another command"),
        (with_service("api", entrypoint=["sh"]), "api-blue runs with another entrypoint"),
        (with_service("ops", secrets=[{"source": "KEY"}]), "ops runs with another secrets"),
        (with_service("db", volumes=[VOLUME | {"source": "b"}]), "db runs with another volumes"),
    ],
)
def test_no_part_of_a_service_is_of_another_release_unseen(release: Release, sentence: str) -> None:
    (line,) = differences(ENV, running(release), RELEASE, "blue")
    assert line.startswith(sentence)
    assert differences(ENV, running(release), release, "blue") == []


@pytest.mark.parametrize(
    ("scheduled", "parts"),
    [
        (replace(RELEASE, number=2, commit="beef"), "COMMIT, RELEASE"),
        (replace(RELEASE, images={**IMAGES, "ops": "sha256:other"}), "image"),
        (with_service("ops", environment=DATABASE | {"DATABASE_NAME": "other"}), "DATABASE_NAME"),
        (with_service("ops", secrets=[{"source": "KEY"}]), "secrets"),
    ],
)
def test_a_schedule_is_compared_as_every_role_is(scheduled: Release, parts: str) -> None:
    assert differences(ENV, running(scheduled=RELEASE), RELEASE, "blue") == []
    assert differences(ENV, running(scheduled=scheduled), RELEASE, "blue") == [
        f"schedule runs with another {parts} than release 3 (c0ffee) has"
    ]


def test_a_schedule_that_was_changed_past_us_is_not_as_described_though_its_label_is() -> None:
    description = stack.schedule_stack(ENV, RELEASE, POLICY)
    seen = running(scheduled=RELEASE)
    assert schedule._is_as_described(ENV, seen, RELEASE, description)
    changed = (replace(s, image="other") if s.role == "schedule" else s for s in seen.services)
    seen = replace(seen, services=tuple(changed))
    assert not schedule._is_as_described(ENV, seen, RELEASE, description)


def test_operations_at_another_database_than_the_users_are_noticed() -> None:
    assert ledger.another_database(running(), ENV.prefix) == ""
    assert ledger.another_database(running(DATABASE_NAME="other"), ENV.prefix) == (
        "db:5432/other, and release 3 serves from db:5432/shop"
    )
