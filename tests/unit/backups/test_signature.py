"""Who may write to a store, and holds no key, can forge nothing that is trusted."""

import base64
import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slipway.backups import signers
from slipway.backups.format import catalogue, manifest
from slipway.backups.format.catalogue import Proof, Unsigned
from slipway.backups.format.signature import FIELD, OPERATIONS, OPERATORS, SigningKey, Trust
from slipway.backups.schedule import job_results, prune, summary
from slipway.backups.schedule.job_results import JobResult
from slipway.backups.schedule.policy import Policy, Retention
from slipway.errors import ConfigError, Refused
from slipway.storage.folder import FolderStore
from tests.fakes import stored_backup
from tests.fakes.reporter import RecordingReporter

OPS, PERSON, THIEF = SigningKey(b"o" * 32), SigningKey(b"p" * 32), SigningKey(b"t" * 32)
SIGNERS = {OPS.public: OPERATIONS, PERSON.public: OPERATORS}
TRUST = Trust(SIGNERS, OPS)
OLD, NEW, NEWEST = (f"2026112{n}T021500Z-000{n}" for n in range(3))
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DRILL = Proof("drill", "2026-11-22T04:00:00Z", 1.0, ok=True, counts={"public.people": 1})


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "prod", "backups/prod")


def change(store: FolderStore, key: str, how: Callable[[dict[str, Any]], object]) -> None:
    """Change a document as somebody does who may write there and has no key."""
    document = json.loads(b"".join(store.get(key)))
    how(document)
    store.put(key, [json.dumps(document).encode()])


def test_a_forged_newest_backup_is_passed_over_and_named(store: FolderStore) -> None:
    stored_backup.put(store, OLD, trust=TRUST)
    stored_backup.put(store, NEW)
    stored_backup.put(store, NEWEST, trust=Trust(key=THIEF))
    heard = RecordingReporter()
    assert catalogue.find(store, trust=TRUST, reporter=heard).id == OLD
    assert [NEW in heard.notes[0], NEWEST in heard.notes[1]] == [True, True]
    listing = catalogue.read(store, TRUST)
    assert [backup.id for backup in listing.unsigned] == [NEWEST, NEW]
    for name in (NEW, NEWEST):
        with pytest.raises(Unsigned, match=r"not signed by a trusted key"):
            catalogue.get(store, name, TRUST)


@pytest.mark.parametrize(
    "how",
    [
        lambda document: document.update(rows=7),
        lambda document: document["dump"].update(size=7),
        lambda document: document["tables"].clear(),
        lambda document: document.update(environment="staging"),
        lambda document: document.pop("commit"),
        lambda document: document.update(extra=True),
        lambda document: document.update({FIELD: []}),
        lambda document: document.update({FIELD: {THIEF.public: document[FIELD][OPS.public]}}),
        lambda document: document[FIELD].update({OPS.public: "AAAA"}),
        lambda document: document[FIELD].update({OPS.public: None}),
        lambda document: document.update(seconds=float("nan")),
    ],
)
def test_a_manifest_that_was_changed_in_any_way_is_not_trusted(
    store: FolderStore, how: Callable[[dict[str, Any]], object]
) -> None:
    stored_backup.put(store, NEW, trust=TRUST)
    assert catalogue.get(store, NEW, TRUST).signed_by == OPERATIONS
    change(store, catalogue.manifest_key(NEW), how)
    with pytest.raises(Refused):
        catalogue.get(store, NEW, TRUST)
    assert catalogue.read(store, TRUST).backups == ()


def test_the_backup_of_another_day_cannot_be_given_a_new_name(store: FolderStore) -> None:
    stored_backup.put(store, OLD, trust=TRUST)
    text = b"".join(store.get(catalogue.manifest_key(OLD))).replace(OLD.encode(), NEW.encode())
    for key, data in ((catalogue.manifest_key(NEW), text), (catalogue.dump_key(NEW), b"sealed")):
        store.put(key, [data])
    with pytest.raises(Unsigned):
        catalogue.get(store, NEW, TRUST)


def test_what_a_person_took_is_trusted_when_the_key_of_ops_is_no_longer(
    store: FolderStore,
) -> None:
    by_both = Trust(SIGNERS, OPS, PERSON.sign)
    stored_backup.put(store, OLD, trust=by_both)
    stored_backup.put(store, NEW, trust=TRUST)
    stolen = Trust({PERSON.public: OPERATORS})
    assert catalogue.get(store, OLD, TRUST).signed_by == OPERATORS
    assert [backup.id for backup in catalogue.read(store, stolen).backups] == [OLD]


def test_proofs_and_results_of_jobs_are_trusted_when_they_are_signed(store: FolderStore) -> None:
    stored_backup.put(store, NEW, trust=TRUST)
    catalogue.prove(store, NEW, DRILL)
    assert catalogue.get(store, NEW, TRUST).proofs == {}
    catalogue.prove(store, NEW, DRILL, TRUST)
    assert catalogue.get(store, NEW, TRUST).proofs == {"drill": DRILL}
    stored_backup.put(store, NEWEST, trust=TRUST)
    store.put(catalogue.proof_key(NEWEST), store.get(catalogue.proof_key(NEW)))
    assert catalogue.get(store, NEWEST, TRUST).proofs == {}  # it is of another backup

    ran = JobResult("backup", "ok", "2026-11-22T02:15:00Z")
    nowhere = Path("/nonexistent")
    job_results.keep(store, ran, nowhere, TRUST)
    assert job_results.read(store, "backup", nowhere, TRUST) == ran
    change(store, "runs/backup.json", lambda document: document.update(state="failed"))
    assert job_results.read(store, "backup", nowhere, TRUST) is None


def test_a_status_takes_no_forged_backup_for_the_newest_and_names_it(store: FolderStore) -> None:
    stored_backup.put(store, OLD, trust=TRUST)
    stored_backup.put(store, NEWEST)
    seen = summary.summarize(store, NOW, Path("/nonexistent"), TRUST)
    assert seen.newest is not None and (seen.newest.id, seen.unsigned) == (OLD, (NEWEST,))


def test_forged_backups_never_make_a_signed_one_go(store: FolderStore) -> None:
    days = [f"202611{day:02}T021500Z-0001" for day in range(10, 23)]
    for name in days:
        stored_backup.put(store, name, trust=TRUST)
        stored_backup.put(store, f"{name[:9]}110000Z-ffff")
    policy = Policy({}, Retention(3, 0, 0, 0), 26 * 3600.0, 7 * 86400.0)
    pruning = prune.Pruning(store, policy, RecordingReporter(), NOW, trust=TRUST)
    assert pruning.run([]) is not None
    left = catalogue.read(store, TRUST)
    assert [backup.id for backup in left.backups] == days[-1:-4:-1]
    assert len(left.unsigned) == 3


def test_where_nobody_is_named_every_backup_is_accepted_as_before(store: FolderStore) -> None:
    stored_backup.put(store, NEW)
    assert catalogue.find(store).signed_by == ""
    text = b"".join(store.get(catalogue.manifest_key(NEW)))
    assert FIELD not in json.loads(text) and manifest.parse(text, NEW).id == NEW


def test_nothing_is_taken_that_would_not_be_trusted() -> None:
    for trust in (Trust(SIGNERS), Trust(SIGNERS, THIEF)):
        with pytest.raises(Refused, match="does not name the key that signs here"):
            trust.require_signer()
    for trust in (TRUST, Trust(SIGNERS, countersign=PERSON.sign), Trust()):
        trust.require_signer()


def test_who_signs_is_written_down_the_newest_first_and_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "signers.yml"
    assert signers.read(path, "prod") == {}
    assert signers.add(path, "prod", {OPERATIONS: OPS.public, OPERATORS: PERSON.public})
    assert not signers.add(path, "prod", {OPERATIONS: OPS.public})
    path.write_text(path.read_text() + "# ours\n")
    assert signers.add(path, "prod", {OPERATIONS: THIEF.public})
    assert signers.read(path, "prod") == {**SIGNERS, THIEF.public: OPERATIONS}
    assert path.read_text().startswith(signers.HEAD) and "# ours" in path.read_text()
    assert path.read_text().index(THIEF.public) < path.read_text().index(OPS.public)
    assert signers.read(path, "staging") == {}


@pytest.mark.parametrize(
    "text",
    [
        *("prod:\n", "prod: {}\n", "prod: {operations: []}\n", "prod: x\n", "- prod\n"),
        *("prod: {operation: [A]}\n", "prod: {operations: [AAAA]}\n", "prod: {operations: x}\n"),
    ],
)
def test_a_file_of_signers_that_names_nobody_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "signers.yml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"backups/signers\.yml"):
        signers.read(path, "prod")


@pytest.mark.parametrize("text", ["", "x", "A" * 42, "A" * 44, "*" * 43])
def test_a_key_of_another_size_is_refused_without_its_value(text: str) -> None:
    with pytest.raises(ConfigError, match="BACKUP_SIGNING_KEY is not 32 random bytes"):
        SigningKey.parse(text, "BACKUP_SIGNING_KEY")
    made = base64.urlsafe_b64encode(b"o" * 32).decode().rstrip("=")
    assert SigningKey.parse(f"{made}\n", "BACKUP_SIGNING_KEY") == OPS
    assert "oooo" not in repr(OPS) + str(dataclasses.asdict(Trust()))
