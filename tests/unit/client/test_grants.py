"""A hostile far side: whatever a request is for, it gets what that needs, and nothing else."""

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import cast

import pytest

from slipway.backups.format import catalogue, encryption
from slipway.backups.format.signature import SigningKey
from slipway.client import backups, grant, reset, restore
from slipway.client.container import Container
from slipway.client.restore import RestoreOptions
from slipway.client.session import Session
from slipway.environments import environment
from slipway.errors import SlipwayError
from slipway.hosts.host import CommandResult, Host, Process
from slipway.hosts.local import LocalHost
from slipway.progress import SILENT
from slipway.project import ROOT
from slipway.storage.folder import FolderStore
from tests.fakes import hostile_agent, stored_backup

OLD, NEWEST = "20261121T021500Z-0001", "20261122T021500Z-0002"
FOREIGN = ("runs/backup.json", "../tasks.py", "tasks.py", ".partial-x", "/etc/passwd", "")
Work = Callable[[Session], object]


class HostileHost:
    """A host on which every agent is the hostile one."""

    name = "m1"

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys

    def open(self, argv: Sequence[str]) -> AbstractContextManager[Process]:
        program = ["-m", hostile_agent.__name__, *self._keys]
        return LocalHost(cwd=ROOT).open([sys.executable, *program])

    def run(self, argv: Sequence[str], **_: object) -> CommandResult:
        return CommandResult(self.name, tuple(argv), 0, "no|sense\n", "")


@dataclasses.dataclass
class Folder:
    """An operator's folder: two backups of dev, and beside them what is nobody's backup."""

    root: Path

    def __post_init__(self) -> None:
        here = environment.load("dev")
        self.env = dataclasses.replace(
            here, settings={**here.settings, "BACKUP_STORE": str(self.root)}
        )
        self.store = FolderStore(self.root / "dev", "backups/dev")
        sealed = encryption.seal_key(encryption.new_key()[0], backups.recipients(self.env))
        for name in (OLD, NEWEST):
            stored_backup.put(self.store, name, sealed)
            self.store.put(catalogue.proof_key(name), [b"{}"])
        self.store.put("runs/backup.json", [b"{}"])
        (self.root / "tasks.py").write_text("print('ours')")
        self.before = self.content()

    def content(self) -> dict[str, bytes]:
        """Everything that lies there, byte for byte."""
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in files}

    def suffer(self, work: Work) -> dict[str, set[str]]:
        """Do something with the hostile far side; return what it got, by what it tried."""
        keys = [entry.key for entry in self.store.entries()]
        host = cast(Host, HostileHost([*keys, *FOREIGN]))
        with pytest.raises(SlipwayError) as caught:
            work(Session(self.env, Container(host, "ops", "dev"), None))
        return {what: set(got) for what, got in json.loads(str(caught.value)).items()}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize(
    "work",
    [
        lambda session: backups.take(session, SILENT),
        lambda session: reset.reset(session, SILENT),
    ],
    ids=["db.backup", "db.reset"],
)
def test_who_is_asked_for_a_backup_may_write_a_new_one_and_touch_no_other(
    folder: Folder, work: Work
) -> None:
    got = folder.suffer(work)
    assert got["get"] == got["entries"] == set()
    assert len(got["put"]) == 2 and not any(key.startswith((OLD, NEWEST)) for key in got["put"])
    assert got["delete"] == set()
    assert folder.content() == folder.before


def test_who_is_asked_for_a_restore_may_read_one_backup(folder: Folder) -> None:
    got = folder.suffer(lambda session: restore.restore(session, RestoreOptions(into="x"), SILENT))
    assert got["get"] == {*catalogue.keys(NEWEST), catalogue.proof_key(NEWEST)}
    assert got["put"] == got["delete"] == got["sweep"] == set()
    assert folder.content() == folder.before


@pytest.mark.parametrize("name", ["old.dump", f"{NEWEST}.dump.age"])
def test_who_is_asked_to_restore_a_file_may_read_that_file(folder: Folder, name: str) -> None:
    home = folder.root / "dev"
    (home / "old.dump").write_text("select 1")
    folder.before = folder.content()
    options = RestoreOptions(backup=str(home / name), into="x")
    got = folder.suffer(lambda session: restore.restore(session, options, SILENT))
    backup = {*catalogue.keys(NEWEST), catalogue.proof_key(NEWEST)}
    assert got["get"] == ({name} if name == "old.dump" else backup)
    assert got["put"] == got["delete"] == got["sweep"] == set()
    assert folder.content() == folder.before


@pytest.mark.parametrize(
    "work",
    [
        lambda session: backups.verify(session, "latest", SILENT),
        lambda session: restore.drill(session, "latest", SILENT),
    ],
    ids=["db.verify", "db.drill"],
)
def test_who_is_asked_to_prove_a_backup_may_read_it_and_write_its_proof(
    folder: Folder, work: Work
) -> None:
    got, proof = folder.suffer(work), catalogue.proof_key(NEWEST)
    assert got["get"] == {*catalogue.keys(NEWEST), proof}
    assert (got["put"], got["delete"], got["sweep"]) == ({proof}, set(), set())
    assert folder.content() == folder.before | {f"dev/{proof}": hostile_agent.FORGED}


def test_a_list_of_backups_is_made_where_they_lie(folder: Folder) -> None:
    nobody = Container(LocalHost("here"), "nowhere", "dev")
    listing = backups.read_list(Session(folder.env, nobody, None), SILENT)
    assert [row.id for row in listing.backups] == [NEWEST, OLD]


def test_who_takes_a_backup_has_its_manifest_signed_once_and_nothing_else(folder: Folder) -> None:
    key = SigningKey(b"p" * 32)
    granted = grant.to_back_up(None, NEWEST, key)
    for kind, document in (("backup", {"id": OLD}), (f"proof of {NEWEST}", {"id": NEWEST})):
        with pytest.raises(grant.NotGranted):
            granted.sign(kind, document)
    assert granted.sign("backup", {"id": NEWEST}) == key.sign("backup", {"id": NEWEST})
    for refused in (granted, grant.to_restore(folder.store, NEWEST)):
        with pytest.raises(grant.NotGranted):
            refused.sign("backup", {"id": NEWEST})
    with pytest.raises(grant.NotGranted):
        list(granted.entries())
