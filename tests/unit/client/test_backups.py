"""A person's side of backups: where they lie, which one is meant, whose key opens it."""

import dataclasses
import stat
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar, cast

import pytest

from slipway.agent.messages.backups import (
    BackupList,
    BackupProof,
    BackupRow,
    Leftovers,
    VerifyReply,
    VerifyRequest,
)
from slipway.agent.messages.request import Reply, Request
from slipway.backups.format import encryption, manifest
from slipway.client import backups, keys, restore
from slipway.client.container import Container
from slipway.client.grant import Grant
from slipway.client.restore import RestoreOptions
from slipway.client.session import Session
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, DifferenceFound, Refused, UsageError
from slipway.hosts.local import LocalHost
from slipway.progress import SILENT, Reporter, Silent
from slipway.secrets import identity
from slipway.show import backups as shown
from tests.fakes.reporter import RecordingReporter


def dev(**settings: str) -> Environment:
    found = environment.load("dev")
    return dataclasses.replace(found, settings={**found.settings, **settings})


def test_backups_lie_in_a_folder_here_unless_they_are_in_s3(tmp_path: Path) -> None:
    named = {place: backups.store_here(dev(BACKUP_STORE=place)) for place in ("", f"{tmp_path}/x")}
    assert [store and store.name for store in named.values()] == [
        "backups/dev",
        f"{tmp_path}/x/dev",
    ]
    assert backups.store_here(dev(BACKUP_STORE="s3://bucket/path")) is None


@pytest.mark.parametrize("place", ["gs://b/x", "S3://b/x", " sftp://host/x", "s3+http://b"])
def test_a_store_of_an_unknown_kind_is_no_folder_of_that_name(place: str) -> None:
    with pytest.raises(ConfigError, match="BACKUP_STORE of dev is not a store"):
        backups.store_here(dev(BACKUP_STORE=place))
    assert "no other kind" in (dev().rules["BACKUP_STORE"].complaint(place) or "")


R = TypeVar("R", bound=Reply)


@dataclasses.dataclass(frozen=True)
class StoreSession(Session):
    """An environment whose store holds what a test says; every backup that is read is intact."""

    backups: BackupList
    read: list[set[str]] = dataclasses.field(default_factory=list)  # with which keys at a time

    def call(self, request: Request[R], reporter: Reporter, grant: Grant | None = None) -> R:
        if not isinstance(request, VerifyRequest):
            return cast(R, self.backups)
        self.read.append({*request.keys})
        proofs = [BackupProof(name, "decode", "", 1.0, True, {}, "") for name in request.keys]
        return cast(R, VerifyReply(tuple(proofs), ""))


OLDER, NEWER, NEWEST = (f"2026112{n}T021500Z-000{n}" for n in range(3))


def row(name: str, *, at: str = "", key: str = "") -> BackupRow:
    return BackupRow(
        id=name,
        at=at,
        environment="dev",
        database="logbook",
        size=1,
        seconds=1.0,
        release=0,
        commit="",
        migration="",
        rows=0,
        server="17",
        has_role_passwords=False,
        is_verified=False,
        recovery_seconds=None,
        proofs={},
        recipients=(),
        where="backups/dev",
        key=key,
    )


def listing(rows: Sequence[BackupRow], damaged: Mapping[str, str]) -> BackupList:
    return BackupList("backups/prod", tuple(rows), Leftovers(0, 0), damaged, "")


def holding(*intact: str, damaged: Sequence[str] = ()) -> StoreSession:
    sealed = encryption.seal_key(encryption.new_key()[0], backups.recipients(dev()))
    bad = {name: f"{name}.dump.age is missing" for name in damaged}
    ops = Container(LocalHost("here"), "ops", "dev")
    env = dev(BACKUP_STORE="s3://bucket/path")
    return StoreSession(env, ops, None, listing([row(name, key=sealed) for name in intact], bad))


def test_the_newest_backup_is_not_verified_by_an_older_one_that_is_whole() -> None:
    proofs = backups.verify(holding(NEWER, damaged=[NEWEST, OLDER]), "latest", Silent())
    assert [proof.id for proof in proofs] == [NEWER, NEWEST]
    with pytest.raises(DifferenceFound, match=rf"{NEWEST}: {NEWEST}\.dump\.age is missing\. Take"):
        backups.demand_intact(proofs)
    backups.demand_intact(backups.verify(holding(NEWER, damaged=[OLDER]), "latest", Silent()))


def test_the_far_side_never_has_the_key_of_a_backup_that_it_does_not_read() -> None:
    session = holding(NEWEST, NEWER, OLDER)
    assert [proof.id for proof in backups.verify(session, "all", Silent())] == [
        NEWEST,
        NEWER,
        OLDER,
    ]
    assert session.read == [{NEWEST}, {NEWER}, {OLDER}]


@pytest.mark.parametrize("which", ["latest", "all"])
def test_where_no_backup_is_whole_each_damage_is_told(which: str) -> None:
    with pytest.raises(
        DifferenceFound, match=f"is damaged: {NEWER}: .* missing; {OLDER}: .* missing"
    ):
        backups.verify(holding(damaged=[OLDER, NEWER]), which, Silent())


def test_a_newer_backup_that_is_damaged_is_not_passed_over_silently() -> None:
    heard = RecordingReporter()
    found = holding(NEWER, OLDER, damaged=[NEWEST]).backups
    assert backups.choose_one(found, "latest", heard).id == NEWER
    assert heard.notes == [
        f"! the newer backup {NEWEST} is damaged and skipped: {NEWEST}.dump.age is missing"
    ]
    assert backups.choose_one(found, OLDER, heard).id == OLDER and len(heard.notes) == 1


def test_restores_and_drills_tell_of_the_newer_backup_that_they_pass_over() -> None:
    place, heard = holding(NEWER, damaged=[NEWEST]), RecordingReporter()
    restore.drill(place, "latest", heard)
    restore.restore(place, RestoreOptions(plan=True), heard)
    passed_over = [note for note in heard.notes if "opened with" not in note]
    assert [NEWEST in note for note in passed_over] == [True, True]


def test_of_a_list_one_is_chosen_by_name_or_by_age() -> None:
    rows = (row("20261122T021500Z-0002"), row("20261121T021500Z-0001"))
    bad = "20261120T021500Z-0000"
    found = listing(rows, {bad: "it is cut"})
    assert backups.choose(found, "latest") == rows[:1]
    assert backups.choose(found, "all") == rows
    assert backups.choose(found, rows[1].id) == [rows[1]]
    with pytest.raises(DifferenceFound, match="it is cut"):
        backups.choose(found, bad)
    with pytest.raises(Refused, match="holds no backup 20261123T000000Z-ffff"):
        backups.choose(found, "20261123T000000Z-ffff")
    with pytest.raises(UsageError, match="is none of: latest, all, an id"):
        backups.choose(found, "newest")


def test_a_persons_key_is_looked_for_where_sops_looks(tmp_path: Path) -> None:
    config, ssh = tmp_path / ".config/sops/age/keys.txt", tmp_path / ".ssh/id_ed25519"
    for path in (config, ssh):
        path.parent.mkdir(parents=True)
        path.touch()
    environ = {"SOPS_AGE_KEY": "AGE-SECRET-KEY-1X", "SOPS_AGE_KEY_FILE": "/nowhere"}
    found = list(identity.identities(environ, tmp_path, Path("dev.agekey"), ssh=True))
    names = ["secrets/dev.agekey", "SOPS_AGE_KEY", str(config), str(ssh)]
    assert [each.name for each in found] == names
    assert "AGE-SECRET" not in repr(found)


@dataclasses.dataclass
class Person:
    """Somebody at a computer of their own, with what they have in their folder and set."""

    home: Path
    environ: dict[str, str] = dataclasses.field(default_factory=dict)

    def unlock(
        self,
        env: Environment,
        sealed: str,
        recipients: Sequence[str] = (),
        reporter: Reporter = SILENT,
    ) -> encryption.Key:
        return keys.unlock(env, sealed, recipients, reporter, environ=self.environ, home=self.home)


def test_whoever_opens_the_secrets_opens_the_backups_and_nobody_else(tmp_path: Path) -> None:
    person, here = Person(tmp_path), dev()
    key, _ = encryption.new_key()
    assert person.unlock(here, encryption.seal_key(key, backups.recipients(here))) == key
    staging = dataclasses.replace(here, name="staging")
    ada, to_ada = encryption.new_key()
    sealed = encryption.seal_key(key, [to_ada])
    with pytest.raises(Refused, match=rf"encrypted to {to_ada}: ask one of them"):
        person.unlock(staging, sealed, [to_ada])
    person.environ = {"SOPS_AGE_KEY": ada.identity}
    assert person.unlock(staging, sealed, [to_ada]) == key
    path = tmp_path / "keys.txt"
    path.write_text(f"# ada\n{ada.identity}\n")
    person.environ = {"SOPS_AGE_KEY_FILE": str(path)}
    heard = RecordingReporter()
    assert person.unlock(staging, sealed, [to_ada], heard) == key
    assert heard.notes == [f"the backup is opened with {path}"]


def test_an_ssh_key_opens_a_backup_that_is_encrypted_to_it(tmp_path: Path) -> None:
    path = tmp_path / ".ssh" / "id_ed25519"
    path.parent.mkdir()
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(argv, check=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    recipient = path.with_suffix(".pub").read_text().strip()
    key, _ = encryption.new_key()
    staging = dataclasses.replace(dev(), name="staging")
    sealed = encryption.seal_key(key, [recipient])
    assert Person(tmp_path).unlock(staging, sealed, [recipient]) == key


def test_what_would_be_lost_is_said_honestly() -> None:
    rows = [row("20261122T021500Z-1f3a", at="2026-11-22T02:15:00Z")]
    now = manifest.moment("20261122T021500Z-1f3a").timestamp() + 3 * 3600
    assert "written in the last 3 h is lost, and up to 24 h" in shown.loss(dev(), rows, now)
    assert shown.loss(dev(), []) == "If the database is lost now, everything is lost."
    assert "PITR=on" in shown.loss(dev(PITR="on"), rows, now)
