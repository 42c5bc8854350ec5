"""What backups are known by: manifests, catalogues, keys, and the words of programs."""

import dataclasses
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from slipway.backups.format import catalogue, encryption, manifest, pipes
from slipway.backups.format.catalogue import Proof
from slipway.backups.format.manifest import Damaged, Locale, Manifest, Part
from slipway.backups.take import dump, row_counts
from slipway.database import processes
from slipway.errors import ConfigError, DifferenceFound, Refused, SlipwayError, UsageError
from slipway.storage.folder import FolderStore
from slipway.storage.store import DAY
from tests.fakes.reporter import RecordingReporter

ID = "20261122T021500Z-1f3a"
SUM = "0" * 64
CLOSED = "pg_dump: detail: Error message from server: server closed the connection"


def made(name: str = ID, **changes: object) -> Manifest:
    whole = Manifest(
        id=name,
        environment="prod",
        database="logbook",
        created=manifest.written(name),
        seconds=1.5,
        release=3,
        commit="abc",
        server="17.11",
        client="17.11",
        locale=Locale("UTF8", "i", "C", "C", "de-DE", "153.1"),
        extensions={"plpgsql": "1.0"},
        roles=("logbook",),
        tables={"public.t": 3, 'odd."ü"': None},
        unlogged=(),
        foreign=(),
        large_objects=0,
        sequences=1,
        migrations=("1", "2"),
        database_size=100,
        plain=Part(4, SUM),
        dump=Part(3, SUM),
        globals=Part(2, SUM),
        has_role_passwords=False,
        recipients=("age1x",),
        key="sealed",
    )
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "prod", "backups/prod")


def keep(store: FolderStore, name: str) -> None:
    """Store a whole backup, as small as it can be."""
    store.put(catalogue.dump_key(name), [b"123"])
    store.put(catalogue.roles_key(name), [b"12"])
    store.put(catalogue.manifest_key(name), [made(name).to_json().encode()])


def test_a_manifest_is_read_as_it_was_written() -> None:
    whole = made()
    assert manifest.parse(whole.to_json(), ID) == whole
    assert (whole.head, whole.major, whole.rows, whole.stored) == ("2", 17, 3, 5)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "../../etc/passwd"},
        {"id": "20261322T021500Z-1f3a"},
        {"tables": []},
        {"tables": {"t": "many"}},
        {"dump": {"size": -1, "sha256": SUM}},
        {"dump": {"size": 1, "sha256": "short"}},
        {"dump": None},
        {"server": "newest"},
        {"recipients": "age1x"},
        {"key": 1},
        {"locale": {"encoding": "UTF8", "more": "x"}},
        {"format": "something else"},
        {"version": "x"},
    ],
)
def test_what_is_no_manifest_is_said_to_be_none(changes: Mapping[str, object]) -> None:
    document = json.loads(made().to_json()) | changes
    with pytest.raises(Damaged, match="is not a backup manifest, or is damaged"):
        manifest.parse(json.dumps(document), ID)


@given(some.binary(max_size=40) | some.text(max_size=40))
def test_no_bytes_make_reading_a_manifest_fail_otherwise(text: str | bytes) -> None:
    with pytest.raises(Damaged):
        manifest.parse(text, ID)


def test_a_manifest_of_a_newer_slipway_or_another_name_is_refused() -> None:
    newer = json.loads(made().to_json()) | {"version": 2}
    with pytest.raises(Refused, match="written by a newer Slipway"):
        manifest.parse(json.dumps(newer), ID)
    with pytest.raises(Damaged, match="it was renamed"):
        manifest.parse(made().to_json(), "20261122T021500Z-ffff")


def test_only_what_has_a_manifest_and_all_its_pieces_is_a_backup(store: FolderStore) -> None:
    older, newer = "20261121T021500Z-0001", "20261122T021500Z-0002"
    keep(store, older)
    keep(store, newer)
    cut, gone, dead = (f"20261120T021500Z-000{n}" for n in range(3))
    keep(store, cut)
    store.put(catalogue.dump_key(cut), [b"1"])
    keep(store, gone)
    store.delete(catalogue.roles_key(gone))
    store.put(catalogue.dump_key(dead), [b"123"])
    for other in (f"{newer}.json.bak", f"x{newer}.json", "runs/backup.json", "notes.txt"):
        store.put(other, [b"{}"])
    found = catalogue.read(store)
    assert [each.id for each in found.backups] == [newer, older]
    assert found.backups[0].keys == tuple(
        f"{newer}.{end}" for end in ("dump.age", "json", "roles.sql.age")
    )
    assert found.damaged[cut].endswith("has 1 bytes instead of 3")
    assert found.damaged[gone].endswith("roles.sql.age is missing")
    assert found.leftovers == ()  # it may still be on its way
    written = next(entry.written for entry in store.entries(dead))
    later = catalogue.read(store, now=written + DAY + 1)
    assert [entry.key for entry in later.leftovers] == [catalogue.dump_key(dead)]


def test_a_drill_and_a_later_look_are_kept_side_by_side(store: FolderStore) -> None:
    keep(store, ID)
    assert not catalogue.find(store).is_verified
    catalogue.prove(store, ID, Proof("drill", "2026-11-22T03:00:00Z", 42.0, True, {"rows": 3}))
    catalogue.prove(store, ID, Proof("decode", "2026-11-23T03:00:00Z", 1.0, False, why="flipped"))
    found = catalogue.find(store)
    assert (found.recovery_seconds, found.is_verified) == (42.0, False)
    assert found.newest_proof and found.newest_proof.why == "flipped"
    store.put(catalogue.proof_key(ID), [b"no json"])
    assert catalogue.read(store).backups[0].proofs == {}


def test_damaged_backups_are_told_where_the_newest_is_looked_for(store: FolderStore) -> None:
    older, newer = "20261121T021500Z-0001", "20261122T021500Z-0002"
    keep(store, older)
    keep(store, newer)
    store.delete(catalogue.roles_key(newer))
    reporter = RecordingReporter()
    notes = reporter.notes
    assert catalogue.find(store, reporter=reporter).id == older
    assert len(notes) == 1 and f"{newer} is damaged" in notes[0]
    store.delete(catalogue.dump_key(older))
    with pytest.raises(DifferenceFound, match=rf"{newer}\.roles\.sql\.age is .*{older}\.dump"):
        catalogue.find(store)


def test_a_backup_that_is_not_there_is_one_sentence(store: FolderStore) -> None:
    with pytest.raises(Refused, match="backups/prod holds no backup; take one"):
        catalogue.find(store)
    with pytest.raises(Refused, match=f"holds no backup {ID}"):
        catalogue.find(store, ID)
    with pytest.raises(UsageError, match="is not a backup"):
        catalogue.find(store, "../other/20261122T021500Z-1f3a")


def test_the_manifest_goes_first_when_a_backup_goes(store: FolderStore) -> None:
    keep(store, ID)

    class Dying:
        """Deletes one object and is gone."""

        def delete(self, key: str) -> None:
            store.delete(key)
            raise SlipwayError("gone")

    with pytest.raises(SlipwayError):
        catalogue.remove(Dying(), catalogue.find(store).keys)  # type: ignore[arg-type]
    assert catalogue.read(store).backups == ()


def test_a_key_is_sealed_to_people_and_shows_itself_to_nobody() -> None:
    key, recipient = encryption.new_key()
    ada, to_ada = encryption.new_key()
    sealed = encryption.seal_key(key, [to_ada])
    assert key.identity not in f"{key} {key!r} {sealed}" and recipient.startswith("age1")
    assert encryption.unseal(sealed.encode(), ada).decode().strip() == key.identity
    with pytest.raises(SlipwayError, match="no identity matched"):
        encryption.unseal(sealed.encode(), key)
    for wrong in ([], ["--output=/etc/passwd"], ["age1x; rm"], ["AGE-SECRET-KEY-1"]):
        with pytest.raises(ConfigError, match="nothing was backed up"):
            encryption.seal_key(key, wrong)


@given(some.dictionaries(some.text("abc", min_size=1), some.integers(0, 9000), max_size=300))
def test_every_table_is_counted_once_and_few_at_a_time(tables: dict[str, int]) -> None:
    cut = list(row_counts.batches(tables))
    assert sorted(name for some_of_them in cut for name in some_of_them) == sorted(tables)
    for each in cut:
        assert len(each) <= row_counts.AT_ONCE
        assert len(each) == 1 or sum(tables[name] for name in each) <= row_counts.PAGES
    order = [tables[name] for each in cut for name in each]
    assert order == sorted(order)


def test_a_client_older_than_the_server_is_not_used_and_a_newer_one_is_told() -> None:
    assert dump.judge_client("17.2", "17.11") == ""
    assert "the tools of 9 may not read" in dump.judge_client("18.6", "9.6")
    assert "as before an upgrade" in dump.judge_client("18.6", "17.11")
    for client in ("15.18", "9.6", "of unknown version"):
        with pytest.raises(Refused, match="write FROM postgres:17 into compose/ops/Dockerfile"):
            dump.judge_client(client, "17.11")
    assert "--compress=zstd:1" in dump.dump_line(16)
    assert "--compress=1" in dump.dump_line(15)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], ""),
        (["pg_dump: error: no space"], "no space"),
        (["pg_dump: error: it broke.", "pg_dump: detail: FATAL:  ended"], "it broke: ended"),
        (["error: it broke.", "Error message from server: FATAL:  ended"], "it broke: ended"),
        (["pg_dump: error: a failed.", CLOSED], "a failed: server closed the connection"),
        (["ERROR:  out of shared memory", "HINT: x"], processes.NO_ROOM),
        (["warning: a", "something"], "something"),
    ],
)
def test_of_a_programs_last_words_those_are_told_that_say_why(lines: list[str], said: str) -> None:
    assert processes.reason_in(lines) == said


def test_a_stream_goes_on_to_its_end_for_the_sum_when_a_child_takes_no_more() -> None:
    source = [b"x" * pipes.BLOCK] * 4
    for read_on, size in ((True, 4), (False, 1)):
        child = subprocess.Popen(["true"], stdin=subprocess.PIPE)
        child.wait()
        moving = pipes.Pipe(iter(source), pipes.pipes(child), read_on=read_on)
        moving.join()
        assert (moving.broken, moving.sum.size) == (0, size * pipes.BLOCK)


@given(some.integers(0, 10**15))
def test_sizes_are_written_short(count: int) -> None:
    text = manifest.sized(count)
    assert len(text) <= 7 and text[-1] == "B"
