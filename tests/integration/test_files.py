"""Files in volumes, backed up and restored by the real restic, in the container that does it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.backups.format.manifest import ID
from slipway.backups.schedule.policy import Retention
from slipway.errors import DifferenceFound, Refused, SlipwayError
from slipway.files.messages import Keeping
from tests.fakes.s3server import S3Server
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.kept_files import FILL, KeptFiles
from tests.waiting import wait_until

pytestmark = pytest.mark.engine

EMPTY = "import shutil, os\nfor e in os.scandir('/volumes/uploads'): \
shutil.rmtree(e) if e.is_dir(follow_symlinks=False) else os.remove(e)\n"


@pytest.fixture
def files(corner: DockerSandbox, tmp_path: Path) -> Iterator[KeptFiles]:
    made = KeptFiles(corner, tmp_path / "secrets")
    yield made
    made.leave()


@pytest.fixture
def gateway(corner: DockerSandbox) -> str:
    form = "{{(index .IPAM.Config 0).Gateway}}"
    return corner.docker("network", "inspect", "--format", form, "bridge")


def test_files_come_back_as_they_were_and_what_a_restore_replaced_can_be_had_again(
    files: KeptFiles,
) -> None:
    files.python(FILL)
    before = files.look()
    (backup,) = files.ask("backup").backups
    assert ID.fullmatch(backup.id) and backup.volumes == ("uploads",)
    files.python("open('/volumes/uploads/late', 'w').write('came later')")
    (second,) = files.ask("backup", backup="20261130T101754Z-1f3a").backups
    assert [each.id for each in files.ask("list").backups][-1] == backup.id
    assert "proven: 11 files" in files.ask("drill", backup=backup.id).summary
    assert "is whole" in files.ask("verify").summary

    files.python(f"{EMPTY}open('/volumes/uploads/spoiled', 'w').write('all is lost')")
    spoiled = files.look()
    files.ask("fill", backup=backup.id)
    assert files.look() == spoiled  # a service that runs sees what it saw
    files.ask("exchange", backup=backup.id)
    assert files.look() == before
    files.ask("undo")
    assert files.look() == spoiled

    keeping = Keeping(Retention(1, 0, 0, 0), stale_after=86_400, keep_replaced=0)
    removed = files.ask("prune", keeping=keeping).removed
    assert backup.id in removed and len(removed) == 2  # and what the restore had replaced
    assert [each.id for each in files.ask("list").backups] == [second.id]
    assert files.look() == spoiled


def test_a_backup_that_is_killed_is_none_and_the_next_one_goes_on(files: KeptFiles) -> None:
    files.python("import os; open('/volumes/uploads/large', 'wb').write(os.urandom(64 << 20))")
    name = f"{files.corner.app}-run"
    words = files.words("backup")
    words[1:1] = ["--detach", "--name", name]
    files.corner.docker(*words)

    def is_under_way() -> bool:
        return "restic --json" in files.corner.docker("top", name, "-o", "pid,args")

    wait_until("restic runs", is_under_way)
    files.corner.docker("kill", name)
    wait_until("it is gone", lambda: name not in files.corner.docker("ps", "-a"))
    assert files.ask("list").backups == ()
    (backup,) = files.ask("backup").backups
    assert backup.size == 64 << 20
    assert "is whole" in files.ask("verify").summary


def test_another_key_a_wrong_one_and_a_damaged_store_are_told_apart(
    files: KeptFiles, s3: S3Server, bucket: str, gateway: str
) -> None:
    files.store_in(s3, bucket, gateway)
    with pytest.raises(Refused, match="holds no backup of files yet"):
        files.ask("fill")
    files.python(FILL)
    files.ask("backup")
    files.secret("BACKUP_FILES_PASSPHRASE", "another")
    with pytest.raises(Refused, match="made with another BACKUP_FILES_PASSPHRASE"):
        files.ask("list")
    files.secret("BACKUP_FILES_PASSPHRASE", "a-passphrase-that-nobody-guesses")
    files.secret("BACKUP_S3_SECRET", "wrong")
    with pytest.raises(SlipwayError, match="s3://") as failure:
        files.ask("list")
    assert "wrong" not in str(failure.value)
    files.secret("BACKUP_S3_SECRET", s3.secret_key)
    assert all(key.startswith("some/path/testing/files/") for key in s3.keys(bucket))
    for key in s3.keys(bucket, "some/path/testing/files/data/"):
        body = bytearray(s3.client().get_object(Bucket=bucket, Key=key)["Body"].read())
        body[len(body) // 2] ^= 1
        s3.client().put_object(Bucket=bucket, Key=key, Body=bytes(body))
    with pytest.raises(DifferenceFound, match="is damaged"):
        files.ask("verify")
    with pytest.raises(SlipwayError):
        files.ask("drill")


def test_a_restore_for_which_the_disk_has_no_room_changes_nothing(
    corner: DockerSandbox, tmp_path: Path
) -> None:
    small = ("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=120m")
    files = KeptFiles(corner, tmp_path / "secrets", options=small)
    try:
        files.python("import os; open('/volumes/uploads/large', 'wb').write(os.urandom(60 << 20))")
        before = files.look()
        files.ask("backup")
        with pytest.raises(Refused, match="Nothing was changed"):
            files.ask("fill")
        assert files.look() == before
    finally:
        files.leave()
