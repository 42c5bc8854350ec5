"""Copying to a machine and from it: completely or not at all. The machine is this computer here."""

import hashlib
import os
from pathlib import Path

import pytest

from slipway.errors import HostError, Refused, UsageError
from slipway.hosts.local import LocalHost
from slipway.machines import copying
from slipway.machines.copying import Endpoint
from tests.fakes.host import FakeHost
from tests.fakes.torn_host import TornHost

MACHINE = Endpoint(LocalHost("m1"))


def names(folder: Path) -> list[str]:
    """What is in a folder, hidden drafts too."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder of this computer with a bit of everything."""
    folder = tmp_path / "here" / "site"
    (folder / "deep er").mkdir(parents=True)
    (folder / "large").write_bytes(os.urandom(3_000_000))
    (folder / "deep er" / "-run").write_text("#!/bin/sh\n")
    (folder / "deep er" / "-run").chmod(0o750)
    (folder / "link").symlink_to("large")
    return folder


@pytest.fixture
def there(tmp_path: Path) -> Path:
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


def test_a_file_arrives_with_its_bytes_and_its_mode_in_place_of_the_old(
    here: Path, there: Path
) -> None:
    source = here / "large"
    source.chmod(0o640)
    (there / "copy").write_text("old")
    done = copying.put(source, MACHINE, f"{there}/copy")
    assert done == copying.CopyResult(
        f"{there}/copy", 3_000_000, hashlib.sha256(source.read_bytes()).hexdigest()
    )
    assert (there / "copy").read_bytes() == source.read_bytes()
    assert (there / "copy").stat().st_mode & 0o777 == 0o640
    assert names(there) == ["copy"]


def test_into_a_folder_it_goes_under_its_own_name_as_with_cp(here: Path, there: Path) -> None:
    assert copying.put(here / "large", MACHINE, f"{there}/").path == f"{there}/large"
    assert copying.put(here, MACHINE, str(there)).path == f"{there}/site"
    back = copying.get(MACHINE, f"{there}/large", here)
    assert back.path == str(here / "large")


def test_a_folder_goes_there_and_back_with_modes_names_and_links(
    here: Path, there: Path, tmp_path: Path
) -> None:
    here.chmod(0o710)
    copying.put(here, MACHINE, f"{there}/site")
    copying.get(MACHINE, f"{there}/site", tmp_path / "back")
    back = tmp_path / "back"
    assert (back / "large").read_bytes() == (here / "large").read_bytes()
    assert (back / "deep er" / "-run").stat().st_mode & 0o777 == 0o750
    assert (back / "link").readlink() == Path("large")
    assert back.stat().st_mode & 0o777 == 0o710
    assert names(there) == ["site"]
    assert names(tmp_path) == ["back", "here", "there"]


@pytest.mark.parametrize("what", ["large", "."])
def test_what_breaks_off_on_the_way_is_not_put_in_place_and_leaves_no_draft(
    here: Path, there: Path, what: str
) -> None:
    (there / "kept").write_text("old")
    target = "kept" if what == "large" else "new"
    with pytest.raises(HostError, match="m1: "):
        copying.put(here / what, Endpoint(TornHost(after=1_500_000)), f"{there}/{target}")
    assert (there / "kept").read_text() == "old"
    assert names(there) == ["kept"]


def test_what_does_not_fit_here_does_not_fill_the_disk(
    here: Path, there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "LEAST_FREE", 1 << 60)
    (there / "endless").write_bytes(b"text")
    with pytest.raises(HostError, match="larger than the room here"):
        copying.get(MACHINE, str(there / "endless"), tmp_path / "copy")
    assert not [name for name in names(tmp_path) if "copy" in name or "slipway" in name]


def test_a_folder_is_not_mixed_into_one_that_is_there(
    here: Path, there: Path, tmp_path: Path
) -> None:
    (there / "site").mkdir()
    with pytest.raises(HostError, match="already exists"):
        copying.put(here, MACHINE, str(there))
    (tmp_path / "home" / "site").mkdir(parents=True)
    with pytest.raises(UsageError, match="folders are not merged"):
        copying.get(MACHINE, str(here), tmp_path / "home")


def test_what_is_not_there_is_said_in_a_sentence(here: Path, there: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere is not there"):
        copying.put(here / "nowhere", MACHINE, str(there))
    with pytest.raises(HostError, match=r"m1: .*nowhere is not there"):
        copying.get(MACHINE, f"{there}/nowhere", tmp_path / "back")
    with pytest.raises(HostError, match="m1: "):
        copying.put(here / "large", MACHINE, f"{there}/no/such/folder")
    with pytest.raises(UsageError, match="cannot be written: No such file"):
        copying.get(MACHINE, str(here / "large"), tmp_path / "no" / "folder")
    assert names(tmp_path) == ["here", "there"]


def test_the_container_of_a_service_is_found_by_its_labels() -> None:
    host = FakeHost("m1").answers("docker", "ps", out="f00\nbad\n")
    side = copying.container(host, "logbook-prod", "api")
    assert side.within == ("docker", "exec", "--interactive", "f00")
    assert "label=slipway.app=logbook-prod" in host.asked[0].argv
    assert "label=slipway.service=api" in host.asked[0].argv


def test_a_service_without_a_container_there_is_told() -> None:
    with pytest.raises(Refused, match="no container of api runs on m1"):
        copying.container(FakeHost("m1").answers("docker", "ps"), "logbook-prod", "api")
