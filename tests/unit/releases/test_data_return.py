"""A past release is held against the data of today."""

import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from slipway.errors import Refused
from slipway.hosts.host import script
from slipway.hosts.local import LocalHost
from slipway.machines.connect import Cluster
from slipway.releases import data_return
from slipway.releases.data_return import DataService
from tests.fakes.host import FakeHost
from tests.unit.releases.running_swarm import IMAGES, RELEASE


@pytest.mark.parametrize(
    ("then", "majors", "complaint"),
    [
        (DataService("old", {"/data": "db"}), ("18", "18"), ""),
        (DataService("old", {"/data": "db"}), ("", ""), ""),  # another kind of database
        (DataService("old", {"/data": "db"}), ("18", ""), "db is PostgreSQL 18 by now, and was no"),
        (DataService("old", {"/data": "db"}), ("", "17"), "db is no PostgreSQL by now, and was"),
        (
            DataService("old", {"/data": "db"}),
            ("18", None),
            "the version of db is unknown: its image old",
        ),
        (
            DataService("old", {"/data": "db"}),
            (None, None),
            "the version of db is unknown: its image new",
        ),
        (DataService("old", {"/data": "db"}), ("18", "17"), "db is PostgreSQL 18 by now, and was"),
        (
            DataService("old", {"/data": "db17"}),
            ("18", "18"),
            "in the volume db, and had it in db17",
        ),
    ],
)
def test_a_release_that_could_not_read_the_data_of_today_is_refused(
    then: DataService, majors: tuple[str | None, str | None], complaint: str
) -> None:
    text = data_return.complaint("db", DataService("new", {"/data": "db"}), then, *majors)
    assert complaint in text and bool(complaint) == bool(text)


def test_a_release_from_before_the_database_had_roles_says_what_it_cannot_do() -> None:
    secrets = {**RELEASE.secrets, "DATABASE_MIGRATOR_PASSWORD": "logbook-prod.x.1"}
    now = replace(RELEASE, number=9, secrets=secrets)
    assert "nothing is backed up" in data_return.without_roles(now, RELEASE)
    assert data_return.without_roles(now, now) == data_return.without_roles(RELEASE, RELEASE) == ""


@pytest.mark.parametrize(
    ("out", "database", "refusal"),
    [
        ("here\n17\n", "db", ""),
        ("here\n\n", "elsewhere.example.com", ""),
        ("here\n\n", "db", r"of db is unknown: its image sha256:db has no PG_MAJOR and no program"),
        ("", "elsewhere.example.com", r"of db is unknown: .* or is on no machine"),
    ],
)
def test_a_database_of_unknown_version_is_not_handed_to_an_earlier_release(
    out: str, database: str, refusal: str
) -> None:
    host = FakeHost("m1").answers("sh", out=out)
    then = replace(RELEASE, number=2, images=IMAGES | {"db": "sha256:old"})
    with pytest.raises(Refused, match=refusal) if refusal else nullcontext():
        data_return.check(Cluster(host, {"m1": host}), RELEASE, then, database)


def test_an_image_that_names_no_version_is_asked_for_its_server(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text(
        '#!/bin/sh\ncase "$*" in\nimage*) echo "LANG=C.UTF-8" ;;\n'
        'run*"--entrypoint postgres own/db --version") echo "postgres (PostgreSQL) 16.4" ;;\nesac\n'
    )
    docker.chmod(0o755)
    here = LocalHost("here", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert script(here, data_return.MAJOR, "own/db").out.split() == ["here", "16"]
    docker.write_text("#!/bin/sh\nexit 1\n")
    assert script(here, data_return.MAJOR, "own/db").out == ""
