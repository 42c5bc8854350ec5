"""Which volumes are backed up, with which rights that is done, and how the answer is read."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from slipway.agent.codec import encode
from slipway.environments import environment
from slipway.errors import Busy, ConfigError, DifferenceFound, Refused, SlipwayError
from slipway.files.messages import ANSWER, FilesFailure, FilesReply, FilesRequest
from slipway.releases import application, file_jobs, stack, volumes
from slipway.releases.application import Service
from slipway.releases.release import Release
from tests.unit.releases import compose_project
from tests.unit.releases.compose_project import docker_reads, release_of

ENV = environment.load("dev")
LABELS: Mapping[str, dict[str, Any]] = {
    "uploads": {"labels": {"slipway.backup": "files"}},
    "cache": {"labels": {"slipway.backup": "none"}},
    "index": {},
}


def data_service(name: str, *sources: str) -> Service:
    mounts = [
        {"type": "volume", "source": source, "target": f"/{source}", "definition": LABELS[source]}
        for source in sources
    ]
    return Service(name, "data", {"image": name, "volumes": mounts})


@pytest.fixture
def release() -> Release:
    restic = next(one for one in compose_project.release("dev").services if one.name == "restic")
    database = Service(
        "db", "data", {"image": "db", "volumes": [{"type": "volume", "source": "db"}]}
    )
    services = (data_service("media", "uploads", "index"), data_service("redis", "cache"), database)
    made = release_of((*services, restic))
    secrets = {"BACKUP_FILES_PASSPHRASE": "BACKUP_FILES_PASSPHRASE.1"}
    return replace(made, secrets=secrets)


def test_a_volume_is_backed_up_where_its_label_says_so_and_named_where_nobody_decided(
    release: Release,
) -> None:
    assert list(volumes.kept(release)) == ["uploads"]
    assert volumes.unmarked(ENV, release) == ["index"]  # the database has backups of its own
    assert "not backed up: index; write labels" in volumes.advice(ENV, release)
    assert volumes.users(release, ["uploads"]) == ["media"]


@pytest.mark.parametrize(
    ("verb", "plan", "is_read_only", "rights"),
    [
        ("backup", False, True, []),
        ("drill", False, True, [*file_jobs.OWNING]),
        ("fill", True, True, []),
        ("fill", False, False, [*file_jobs.OWNING]),
    ],
)
def test_a_job_has_the_volumes_and_the_rights_that_its_work_takes(
    release: Release, verb: str, plan: bool, is_read_only: bool, rights: list[str]
) -> None:
    service, names = file_jobs.demand(ENV, release)
    request = FilesRequest(verb, ENV.prefix, names, plan=plan)
    made = file_jobs.equip(ENV, service, release, request)
    read = docker_reads(stack.job_stack(ENV, release, made, {}))
    spec = read["services"]["restic"]
    (uploads,) = [each for each in spec["volumes"] if each["target"] == "/volumes/uploads"]
    assert bool(uploads.get("read_only")) == is_read_only
    assert spec["cap_drop"] == ["ALL"] and spec["cap_add"] == ["DAC_READ_SEARCH", *rights]
    assert spec["deploy"]["placement"]["constraints"] == [file_jobs.PLACEMENT]
    assert spec["read_only"] and spec["networks"] == {"edge": {}}
    assert [each["target"] for each in spec["secrets"]] == ["BACKUP_FILES_PASSPHRASE"]
    assert read["volumes"]["uploads"]["name"] == f"{ENV.prefix}-uploads"


def test_what_cannot_be_backed_up_is_refused_with_what_to_type(release: Release) -> None:
    without = replace(release, services=tuple(release.services[1:]))
    with pytest.raises(Refused, match=r"no volume .* slipway\.backup: files"):
        file_jobs.demand(ENV, without)
    with pytest.raises(Refused, match="BACKUP_STORE=s3://"):
        file_jobs.demand(environment.load("staging"), release)
    with pytest.raises(ConfigError, match=r"inv secrets\.add --env=dev"):
        file_jobs.demand(ENV, replace(release, secrets={}))
    with pytest.raises(Refused, match=r"inv kit\.upgrade"):
        file_jobs.demand(ENV, replace(release, services=tuple(release.services[:-1])))


def test_an_answer_is_read_from_the_log_and_nothing_else_is_taken_for_one() -> None:
    def said(answer: FilesReply | FilesFailure) -> list[str]:
        return ["a note", ANSWER, *json.dumps(encode(answer), indent=0).splitlines()]

    reply = FilesReply("done", "s3://b/files", staying={"x": "newest"})
    assert file_jobs.read("m1", said(reply), "") == reply
    for code, kind in {3: Refused, 5: DifferenceFound, 75: Busy, 1: SlipwayError}.items():
        with pytest.raises(kind, match="why not"):
            file_jobs.read("m1", said(FilesFailure("why not", code)), "")
    with pytest.raises(SlipwayError, match=r"non-zero exit \(137\)"):
        file_jobs.read("m1", ["a note"], "non-zero exit (137)")
    with pytest.raises(SlipwayError, match="deploy first"):
        file_jobs.read("m1", [ANSWER, '{"summary": 3}'], "")


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("slipway.backup: everything", "must be one of files, none"),
        ("slipway.backups: files", "unknown label"),
        ("slipway.backup: files", "no service with role data has this volume"),
    ],
)
def test_a_label_that_nothing_follows_is_found(label: str, text: str) -> None:
    key, _, value = label.partition(": ")
    volume = {"name": "x_uploads", "labels": {key: value}}
    model = {"name": "x", "services": {}, "volumes": {"uploads": volume}}
    with pytest.raises(ConfigError, match=text):
        application.parse(model)
