"""What runs is held against the serving release, and a past release against the data of today."""

import json
from dataclasses import replace
from typing import Any

import pytest

from slipway.cluster import ledger, observed
from slipway.cluster.observed import Observed
from slipway.environments import environment
from slipway.releases import data_return, schedule, stack
from slipway.releases.application import Service
from slipway.releases.data_return import DataService
from slipway.releases.differences import differences
from slipway.releases.release import Release

ENV = environment.load("dev")
DATABASE = {"DATABASE_HOST": "db", "DATABASE_PORT": "5432", "DATABASE_NAME": "shop"}
VOLUME = {"type": "volume", "source": "db", "target": "/data"}
SERVICES = (
    Service("db", "data", {"environment": {"POSTGRES_DB": "shop"}, "volumes": [VOLUME]}),
    Service("ops", "ops", {"environment": DATABASE}),
    Service("edge", "edge", {}),
    Service("api", "colour", {"environment": {"PRICE": "5 $$"}, "command": ["serve", "$$HOME"]}),
)
IMAGES = {service.name: f"sha256:{service.name}" for service in SERVICES}
RELEASE = Release(3, "c0ffee", IMAGES, IMAGES, IMAGES, {}, SERVICES)

POLICY = '{"smoke": "$a {{b}}"}'


def running(
    release: Release = RELEASE,
    colour: str = "blue",
    scheduled: Release | None = None,
    **changes: str,
) -> Observed:
    """Read what a Swarm would say that runs this release; changes are of its environment.

    The schedule, where there is one, may be of another release.
    """
    stacks = {role: stack.role_stack(ENV, release, role) for role in ("data", "ops", "edge")}
    stacks[colour] = stack.colour_stack(ENV, release, colour)
    if scheduled:
        stacks["schedule"] = stack.schedule_stack(ENV, scheduled, POLICY)
    lines = ['swarm\t"active true"', "now\t1000"]
    for name, description in stacks.items():
        for service, spec in description["services"].items():
            settings = {k: v.replace("$$", "$") for k, v in spec.get("environment", {}).items()}
            settings |= {key: value for key, value in changes.items() if key in settings}
            mounts = [m["source"] for m in spec["volumes"] if m["type"] == "volume"]
            volumes = [description["volumes"][source]["name"] for source in mounts]
            container = {
                "Image": spec["image"],
                "Env": [f"{k}={v}" for k, v in settings.items()],
                "Args": [word.replace("$$", "$") for word in spec.get("command", [])],
                "Command": spec.get("entrypoint"),
                "Secrets": [{"SecretName": each["source"]} for each in spec["secrets"]],
                "Mounts": [{"Type": "volume", "Source": name} for name in volumes],
            }
            labels = {"com.docker.stack.namespace": f"{ENV.prefix}-{name}"}
            labels |= spec["deploy"]["labels"]
            whole: dict[str, Any] = {"Name": f"{ENV.prefix}-{name}_{service}", "Labels": labels}
            if spec["deploy"].get("mode") != "global":
                whole["Mode"] = {"Replicated": {"Replicas": spec["deploy"].get("replicas", 1)}}
            whole["TaskTemplate"] = {"ContainerSpec": container}
            lines.append(f"service\t{json.dumps({'ID': service, 'Spec': whole})}")
    facts = {"slipway.result": "live", "slipway.release": "3", "slipway.database": "db:5432/shop"}
    for number, name in enumerate(("release.00003", "event.1")):
        parts = (number, f"{ENV.prefix}.{name}", facts)
        lines.append("\t".join(["config", *map(json.dumps, parts)]))
    return observed.parse("\n".join(lines))


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


@pytest.mark.parametrize(
    ("then", "majors", "complaint"),
    [
        (DataService("old", {"/data": "db"}), ("18", "18"), ""),
        (DataService("old", {"/data": "db"}), ("18", ""), ""),
        (DataService("old", {"/data": "db"}), ("18", "17"), "db is PostgreSQL 18 by now, and was"),
        (
            DataService("old", {"/data": "db17"}),
            ("18", "18"),
            "in the volume db, and had it in db17",
        ),
    ],
)
def test_a_release_that_could_not_read_the_data_of_today_is_refused(
    then: DataService, majors: tuple[str, str], complaint: str
) -> None:
    text = data_return.complaint("db", DataService("new", {"/data": "db"}), then, *majors)
    assert complaint in text and bool(complaint) == bool(text)
