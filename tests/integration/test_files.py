"""Files in volumes, backed up and restored by the real restic, in the container that does it."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.backups.format import manifest
from slipway.backups.format.signature import ANYBODY
from slipway.backups.schedule import file_drill
from slipway.backups.schedule.policy import Retention
from slipway.errors import DifferenceFound, Refused, SlipwayError, UsageError
from slipway.files.archive import Entry
from slipway.files.messages import Keeping
from slipway.releases import file_imports
from slipway.releases.file_sources import Source
from tests.fakes.s3server import S3Server
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.kept_files import FILL, KeptFiles
from tests.waiting import wait_until

pytestmark = pytest.mark.engine

ID, FIRST, SECOND = "20261130T101754Z-1f3a", "20261130T111754Z", "20261130T121754Z"
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
    assert manifest.ID.fullmatch(backup.id) and backup.volumes == ("uploads",)
    files.python("open('/volumes/uploads/late', 'w').write('came later')")
    (second,) = files.ask("backup", backup="20261130T101754Z-1f3a").backups
    assert [each.id for each in files.ask("list").backups][-1] == backup.id
    assert "proven: 11 files" in files.ask("drill", backup=backup.id).summary
    assert "is whole" in files.ask("verify").summary

    files.python(f"{EMPTY}open('/volumes/uploads/spoiled', 'w').write('all is lost')")
    spoiled = files.look()
    files.ask("fill", backup=backup.id)
    assert files.look() == spoiled  # a service that runs sees what it saw
    files.exchange(f"restored-{backup.id}", FIRST)
    assert files.look() == before
    assert files.ask("replaced", plan=True).moment == FIRST
    files.exchange(f"replaced-{FIRST}", SECOND)
    files.exchange(f"replaced-{FIRST}", SECOND)  # of a computer that was lost before it knew
    assert files.look() == spoiled

    keeping = Keeping(Retention(1, 0, 0, 0), stale_after=86_400, keep_replaced=0)
    removed = files.ask("prune", keeping=keeping).removed
    assert backup.id in removed and len(removed) == 2  # and what the restore had replaced
    assert [each.id for each in files.ask("list").backups] == [second.id]
    assert files.look() == spoiled


def test_files_of_others_come_in_whole_or_not_at_all(files: KeptFiles, tmp_path: Path) -> None:
    files.python("open('/volumes/uploads/before', 'w').write('of the service')")
    before = files.look()
    old = tmp_path / "old"
    (old / "new\nline").mkdir(parents=True)
    for number in range(2000):
        (old / "new\nline" / f"ü {number}").write_text(str(number))
    (old / "new\nline" / "large").write_bytes(os.urandom(8 << 20))
    (old / "out").symlink_to("/run/secrets")
    with pytest.raises(RuntimeError, match="the computer is lost"):
        files.receive(Lost(str(old)), ID, "4711:33")
    source = Source(str(old))
    assert "2001 files" in files.receive(source, ID, "4711:33").summary
    assert source.left_out == ["out is a link that leads out of the folder"]
    assert files.look() == before  # a service that runs sees what it saw
    files.exchange(f"restored-{ID}", FIRST)
    see = "import os; s = os.stat('/volumes/uploads/new\\nline/ü 1999'); print(s.st_uid, s.st_gid)"
    assert files.python(see).strip() == "4711 33"
    assert len(files.look().splitlines()) > 2001
    files.exchange(f"replaced-{FIRST}", SECOND)
    assert files.look() == before


class Lost(Source):
    """A source whose computer is lost half-way."""

    def entries(self) -> Iterator[Entry]:
        yield from itertools.islice(super().entries(), 1200)
        raise RuntimeError("the computer is lost")


def test_a_volume_of_this_computer_is_a_source(files: KeptFiles) -> None:
    files.python(FILL)
    source = Source(f"volume:{files.corner.app}-uploads")
    count = file_imports.measure(source)
    assert (count.files, count.links) == (9, 0)
    assert sorted(source.left_out) == [
        "./link is a link that leads out of the folder",
        "./pipe is a device, a pipe or a socket",
    ]
    with pytest.raises(UsageError, match="no volume 'nobodys'"):
        file_imports.measure(Source("volume:nobodys"))


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


def test_files_come_back_from_s3_and_another_key_a_wrong_one_and_damage_are_told_apart(
    files: KeptFiles, s3: S3Server, bucket: str, gateway: str
) -> None:
    files.store_in(s3, bucket, gateway)
    with pytest.raises(Refused, match="holds no backup of files yet"):
        files.ask("fill")
    files.python(FILL)
    before = files.look()
    (backup,) = files.ask("backup").backups
    files.python(EMPTY)
    files.restore(backup.id, FIRST)
    assert files.look() == before
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
    drill = file_drill.read(s3.open(bucket, "some/path/testing"), ANYBODY)
    assert drill and (drill.backup, drill.ok) == (backup.id, False) and drill.why


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
