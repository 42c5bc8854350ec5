"""Which moments can be returned to, judged from what pgBackRest lists."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from slipway.backups import pitr
from slipway.backups.pitr import ArchiveError
from slipway.environments import environment
from slipway.errors import ConfigError, Refused, UsageError
from slipway.project import COMPOSE
from slipway.releases import stack
from slipway.releases.application import Service
from slipway.releases.release import Release

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def minute(number: int) -> float:
    return (NOON + timedelta(minutes=number)).timestamp()


def info(*backups: tuple[str, int, int, int], message: str = "") -> str:
    """Base backups: label, minute of their end, last WAL file, database in the history."""
    found: list[dict[str, Any]] = [
        {
            "label": label,
            "type": "full",
            "timestamp": {"start": minute(at) - 30, "stop": minute(at)},
            "archive": {"start": name(last - 1), "stop": name(last)},
            "database": {"id": history, "repo-key": 1},
            "info": {"size": 1000, "repository": {"delta": 100}},
            "error": False,
        }
        for label, at, last, history in backups
    ]
    status = {"code": 99 if message else 0, "message": message or "ok"}
    versions = [{"id": history, "version": "17"} for history in (1, 2)]
    return json.dumps(
        [{"archive": [], "backup": found, "db": versions, "repo": [{"status": status}]}]
    )


def listing(*stored: tuple[int, int], archive: str = "17-1") -> dict[str, Any]:
    """WAL files: number, minute in which each was stored."""
    return {
        f"{archive}/{name(number)[:16]}/{name(number)}-{'a' * 40}.zst": {"time": minute(at)}
        for number, at in stored
    }


def name(number: int) -> str:
    return f"00000001{number // 256:08X}{number % 256:08X}"


def test_a_window_reaches_from_the_base_backup_to_the_last_file_in_an_unbroken_row() -> None:
    files = pitr.files(json.dumps(listing((254, 0), (255, 1), (256, 2), (257, 3), (259, 9))))
    (window,) = pitr.windows(pitr.bases(info(("A", 0, 254, 1))), files)
    assert window.begin == NOON + timedelta(seconds=1)
    assert window.end == NOON + timedelta(minutes=3)


def test_a_hole_makes_two_windows_and_a_later_base_backup_does_not_bridge_it() -> None:
    files = pitr.files(json.dumps(listing((1, 0), (2, 1), (4, 9), (5, 10), (6, 11))))
    known = pitr.bases(info(("A", 0, 1, 1), ("B", 9, 4, 1), ("C", 10, 5, 1)))
    assert [(w.begin.minute, w.end.minute) for w in pitr.windows(known, files)] == [(0, 1), (9, 11)]
    with pytest.raises(Refused, match=r"from .* 12:00:01\+00 to .*, and from .* 12:09:01\+00 to"):
        pitr.choose(NOON + timedelta(minutes=5), known, files)
    assert pitr.choose(NOON + timedelta(minutes=10, seconds=30), known, files).label == "C"
    assert pitr.choose(NOON + timedelta(minutes=9, seconds=30), known, files).label == "B"


def test_the_end_of_a_window_means_all_of_its_second() -> None:
    known, files = pitr.bases(info(("A", 0, 1, 1))), pitr.files(json.dumps(listing((1, 0), (2, 1))))
    (window,) = pitr.windows(known, files)
    assert pitr.meant(window.end, known, files) == window.end + timedelta(microseconds=999_999)
    early = window.end - timedelta(seconds=1)
    assert pitr.meant(early, known, files) == early
    (only,) = pitr.windows(known, {})  # a base backup alone: its end is known to the second
    assert pitr.meant(only.end, known, {}) == only.end


def test_a_base_backup_that_was_just_taken_splits_no_window() -> None:
    """Its own last file is stored a moment before the second from which it can be used."""
    files = pitr.files(json.dumps(listing((1, 0), (2, 1), (3, 2))))
    known = pitr.bases(info(("A", 0, 1, 1), ("B", 2, 3, 1)))
    (window,) = pitr.windows(known, files)
    assert window.end == NOON + timedelta(minutes=2, seconds=1)


def test_the_archive_of_a_database_that_is_gone_stays_apart_from_the_new_ones() -> None:
    stored = listing((1, 0), (2, 1)) | listing((1, 5), (2, 6), archive="17-2")
    known = pitr.bases(info(("A", 0, 1, 1), ("B", 5, 1, 2)))
    assert len(pitr.windows(known, pitr.files(json.dumps(stored)))) == 2
    chosen = pitr.choose(NOON + timedelta(seconds=30), known, pitr.files(json.dumps(stored)))
    assert (chosen.label, chosen.archive) == ("A", "17-1")


def test_without_a_base_backup_nothing_can_be_returned_to_and_all_would_be_lost() -> None:
    with pytest.raises(Refused, match="--physical"):
        pitr.choose(NOON, [], {})
    assert "would be lost" in pitr.loss(None, NOON)


@pytest.mark.parametrize(
    "text",
    [
        *("noon", "", "2026-11-22", "2026-11-22 11:00", "22.11.2026 11:00"),
        *("0001-01-01 00:00:00+05", "9999-12-31 23:59:59-05"),
    ],
)
def test_a_moment_without_a_zone_or_sense_is_a_mistake_of_the_command_line(text: str) -> None:
    with pytest.raises(UsageError):
        pitr.parse_moment(text, NOON)


def test_a_moment_is_the_same_in_every_zone() -> None:
    for text in ("2026-11-22 11:00:00+00", "2026-11-22T11:00:00Z", "2026-11-22 16:30:00+05:30"):
        assert pitr.parse_moment(text, NOON) == NOON - timedelta(hours=1)


def test_what_could_not_be_looked_at_is_an_error_although_pgbackrest_calls_it_an_answer() -> None:
    with pytest.raises(ArchiveError, match="the store does not answer"):
        pitr.bases(info(message="[HostConnectError] unable to connect to 's3': refused"))
    wrong = "FormatError: key/value found outside of section at line 1: xx"
    with pytest.raises(ArchiveError, match="BACKUP_PITR_PASSPHRASE is not the one"):
        pitr.bases(info(message=wrong))


def test_the_verdict_of_verify_is_read_from_its_words() -> None:
    assert pitr.complaints("stanza: main\nstatus: ok\n") == []
    text = (
        "stanza: main\nstatus: error\n"
        "  archiveId: 17-1, total WAL checked: 3, total valid WAL: 2\n"
        "    missing: 0, checksum invalid: 0, size invalid: 0, other: 1\n"
        "  backup: 20261122-165201F, status: invalid, total files checked: 9, valid: 8\n"
        "    missing: 0, checksum invalid: 1, size invalid: 0, other: 0\n"
    )
    first, second = pitr.complaints(text)
    assert first.startswith("archiveId: 17-1") and "20261122-165201F" in second
    with pytest.raises(ArchiveError, match="another base backup"):
        pitr.complaints("P00  ERROR: [050]: unable to acquire lock on file")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "PITR=on needs BACKUP_STORE=s3://bucket/path"),
        ("BACKUP_STORE=s3://bkt/p\nBACKUP_S3_ENDPOINT=http://s3.test", "begins with https://"),
        ("BACKUP_STORE=s3://bkt/p\nPITR_DAYS=0", "PITR_DAYS must be at least 1"),
    ],
)
def test_settings_that_would_leave_the_database_without_its_archive_are_found_before_a_deploy(
    tmp_path: Path, line: str, complaint: str
) -> None:
    shutil.copytree(COMPOSE, tmp_path / "compose")
    path = tmp_path / "compose" / "prod.env"
    path.write_text(f"{path.read_text()}\nPITR=on\n{line}\n")
    with pytest.raises(ConfigError, match=complaint):
        environment.load("prod", tmp_path / "compose")


@pytest.mark.parametrize(("switch", "given"), [("off", False), ("on", True)])
def test_the_database_has_the_keys_of_the_store_only_while_it_archives(
    switch: str, given: bool
) -> None:
    env = environment.load("dev")
    env = replace(env, settings={**env.settings, "PITR": switch})
    keys = {"BACKUP_S3_KEY", "BACKUP_S3_SECRET", "BACKUP_PITR_PASSPHRASE"}
    secrets = {key: f"{key}.1" for key in {*keys, "DATABASE_PASSWORD"}}
    labels = {"slipway.role": "data", "slipway.pitr-secrets": " ".join(sorted(keys))}
    spec = {"image": "db", "secrets": [{"source": key} for key in secrets]}
    service = Service("db", "data", {**spec, "deploy": {"labels": labels}})
    release = Release(7, "c0ffee", {"db": "sha256:1"}, {}, {}, secrets, (service,), "")
    made = stack.role_stack(env, release, "data")
    found = {str(each["target"]) for each in made["services"]["db"]["secrets"]}
    assert found == {"DATABASE_PASSWORD", *(keys if given else set())}


@pytest.mark.parametrize(
    ("answer", "way_on"),
    [
        ("NoSuchBucket", "correct BACKUP_STORE"),
        ("AccessDenied", "allow its keys to read, write, list and delete"),
        ("SignatureDoesNotMatch", "check BACKUP_S3_KEY, BACKUP_S3_SECRET, BACKUP_S3_REGION"),
    ],
)
def test_what_the_store_answered_is_told_with_the_way_on(answer: str, way_on: str) -> None:
    said = "[ProtocolError] HTTP request failed with 403 (Forbidden):\n*** Response Content ***:\n"
    told = pitr.reason(f"{said}<Error><Code>{answer}</Code></Error>")
    assert told == f"the store answers {answer}; {told.partition('; ')[2]}"
    assert way_on in told


def test_a_certificate_that_is_not_accepted_names_the_settings_it_depends_on() -> None:
    said = "[CryptoError] unable to find hostname '192.0.2.1' in certificate common name"
    told = pitr.reason(said)
    assert told.startswith("unable to find hostname '192.0.2.1'")
    assert told.endswith("check BACKUP_S3_ENDPOINT and BACKUP_S3_CA")
