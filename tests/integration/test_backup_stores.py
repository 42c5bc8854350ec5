"""Backups and where they go: a folder here, a real S3 server, and both on bad days."""

import json
import uuid
from pathlib import Path

import pytest

from slipway.agent.messages.backups import ListBackupsRequest, VerifyRequest
from slipway.backups.format import catalogue, encryption
from slipway.client import backups
from slipway.errors import DifferenceFound, SlipwayError
from slipway.storage.folder import FolderStore
from tests.fakes.faulty_s3 import Answer, Faults, FaultyS3
from tests.fakes.s3server import S3Server
from tests.fakes.stores import RefusingStore
from tests.integration.backup_cases import (
    NOISE,
    UNTETHERED,
    KeyHolder,
    far,
    keys,
    processes,
    with_s3,
)
from tests.integration.postgres_stack import PostgresStack

pytestmark = pytest.mark.engine


def test_a_manifest_that_is_late_is_tried_again_and_without_one_nothing_stays(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    late = RefusingStore(store, lambda key: key.endswith(".json"), times=1)
    assert person.take(place, late)
    assert any("retrying the manifest" in note for note in place.heard.notes)
    never = RefusingStore(store, lambda key: key.endswith(".json"), times=99)
    with pytest.raises(SlipwayError, match="the test wants it"):
        person.take(place, never)
    assert len(keys(store)) == 3


def test_a_damaged_backup_is_found_and_said(
    place: PostgresStack, person: KeyHolder, store: FolderStore, tmp_path: Path
) -> None:
    place.sql(NOISE)
    name = person.take(place, store)
    path = tmp_path / "backups" / "testing" / f"{name}.dump.age"
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes(flipped)
    proof = person.verify(place, store, name)
    assert not proof.ok and "is not what was stored" in proof.why
    with pytest.raises(DifferenceFound, match="Take another now"):
        backups.demand_intact([proof])
    path.write_bytes(whole[: len(whole) // 2])
    assert name in place.call(ListBackupsRequest(), store).damaged
    path.write_bytes(whole)
    assert person.verify(place, store, name).ok

    other = KeyHolder(*encryption.new_key())
    with pytest.raises(SlipwayError, match="this key does not open"):
        place.call(VerifyRequest(keys={name: other.key}), store)


def test_an_upload_that_is_cut_leaves_nothing_in_s3(
    place: PostgresStack, person: KeyHolder, s3: S3Server
) -> None:
    place.sql(NOISE)
    bucket = s3.make_bucket(f"cut-{uuid.uuid4().hex[:8]}")
    with (
        FaultyS3(s3.port, Faults(cut_upload_at=17 << 20)) as proxy,
        pytest.raises(SlipwayError, match=r"the connection to .* broke"),
    ):
        person.take(place, far(s3, bucket, proxy.endpoint))
    assert s3.keys(bucket) == [] and s3.uploads(bucket) == []
    with pytest.raises(SlipwayError, match="does not accept the keys"):
        person.take(place, far(s3, bucket, s3.endpoint, secret="expired"))
    assert s3.keys(bucket) == []


def test_a_busy_store_is_asked_again_and_one_that_says_no_in_a_yes_is_not_believed(
    place: PostgresStack, person: KeyHolder, s3: S3Server
) -> None:
    place.sql(NOISE)
    bucket = s3.make_bucket(f"busy-{uuid.uuid4().hex[:8]}")
    busy = Faults({"UploadPart": Answer(503, "SlowDown", times=3)})
    with FaultyS3(s3.port, busy) as proxy:
        name = person.take(place, far(s3, bucket, proxy.endpoint))
    mine = far(s3, bucket, s3.endpoint)
    assert person.verify(place, mine, name).ok
    liar = Faults({"CompleteMultipartUpload": Answer(200, "InternalError")})
    with (
        FaultyS3(s3.port, liar) as proxy,
        pytest.raises(SlipwayError, match="the store has trouble"),
    ):
        person.take(place, far(s3, bucket, proxy.endpoint))
    assert [each.id for each in catalogue.read(mine).backups] == [name]
    assert s3.uploads(bucket) == []


def test_a_full_disk_is_said_and_leaves_nothing(place: PostgresStack, person: KeyHolder) -> None:
    place.sql(NOISE)
    small = ("--tmpfs", "/small:size=4m,mode=1777", "--env", "BACKUP_STORE=/small")
    with place.beside(*small) as there:
        with pytest.raises(SlipwayError, match="the disk of /small/testing is full"):
            person.take(there, None)
        left = place.corner.docker("exec", there.ops, "find", "/small", "-type", "f")
        assert left == "" and "pg_dump" not in processes(there)


def test_the_environment_writes_to_s3_by_itself_also_with_keys_that_may_only_write(
    place: PostgresStack, person: KeyHolder, s3: S3Server, tmp_path: Path
) -> None:
    place.sql(NOISE)
    bucket = s3.make_bucket(f"own-{uuid.uuid4().hex[:8]}")
    for access, secret in ((s3.access_key, s3.secret_key), (s3.writer_key, s3.writer_secret)):
        with with_s3(place, tmp_path / access, bucket, s3, (access, secret)) as there:
            name = person.take(there, None)
            assert f"logbook/testing/{name}.json" in s3.keys(bucket)
            if access == s3.writer_key:
                with pytest.raises(SlipwayError, match="the keys may not do this"):
                    there.call(ListBackupsRequest())
            else:
                mine = far(s3, bucket, s3.endpoint)
                assert [row.id for row in there.call(ListBackupsRequest()).backups] == [name]
                sealed = person.open(mine, name)
                assert there.call(VerifyRequest(keys={name: sealed})).proofs[0].ok
                logged = place.corner.docker("exec", there.ops, *UNTETHERED, given(person))
                assert logged.startswith("backup 20") and "\n" not in logged
    assert len(catalogue.read(far(s3, bucket, s3.endpoint)).backups) == 3


def given(person: KeyHolder) -> str:
    return json.dumps({"recipients": [person.recipient]})
