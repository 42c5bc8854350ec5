"""Stores of backups: what a folder promises, how streams are cut, what settings mean."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import ConfigError
from slipway.storage.folder import FolderStore
from slipway.storage.multipart import MIB, Part, PartSplitter, part_size
from slipway.storage.open import open_store
from slipway.storage.store import BadKey, NotFound, StoredObject, StoreError, check_key

BAD_KEYS = ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a\\b", "a\0b"]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "backups" / "prod", "backups/prod")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_stream_comes_back_as_it_went_and_only_its_owner_may_read_it(
    store: FolderStore, tmp_path: Path
) -> None:
    assert store.put("a.dump", [b"one ", b"", b"two"]) == 7
    assert b"".join(store.get("a.dump")) == b"one two"
    folder = tmp_path / "backups" / "prod"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "a.dump").stat().st_mode) == 0o600


def test_nothing_is_listed_before_the_last_byte(store: FolderStore) -> None:
    seen: list[StoredObject] = []

    def chunks() -> Iterator[bytes]:
        yield b"half"
        seen.extend(store.entries())
        yield b"whole"

    store.put("a.dump", chunks())
    assert seen == []
    assert [(each.key, each.size) for each in store.entries()] == [("a.dump", 9)]


@pytest.mark.parametrize(
    "error", [ValueError("pg_dump died"), OSError("a pipe"), KeyboardInterrupt()]
)
def test_a_stream_that_breaks_leaves_what_was_there_and_its_error_goes_on(
    store: FolderStore, tmp_path: Path, error: BaseException
) -> None:
    store.put("a.dump", [b"old"])

    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise error

    with pytest.raises(type(error)) as caught:
        store.put("a.dump", chunks())
    assert caught.value is error
    assert b"".join(store.get("a.dump")) == b"old"
    assert names(tmp_path) == ["a.dump"]


def test_entries_are_sorted_and_chosen_by_their_beginning(store: FolderStore) -> None:
    for key in ("b.json", "a.dump", "wal/2", "wal/1", "a.json"):
        store.put(key, [b"x"])
    assert [each.key for each in store.entries()] == [
        "a.dump",
        "a.json",
        "b.json",
        "wal/1",
        "wal/2",
    ]
    assert [each.key for each in store.entries("a.")] == ["a.dump", "a.json"]
    assert [each.key for each in store.entries("wal/")] == ["wal/1", "wal/2"]


def test_a_name_that_is_no_text_hides_nothing(store: FolderStore, tmp_path: Path) -> None:
    store.put("a.dump", [b"x"])
    (tmp_path / os.fsdecode(b"backups/prod/bilan-\xe9.pdf")).touch()
    assert "a.dump" in [each.key for each in store.entries()]


def test_a_folder_that_is_not_there_yet_is_an_empty_store(store: FolderStore) -> None:
    assert list(store.entries()) == []
    assert store.sweep() == 0
    store.delete("a.dump")
    with pytest.raises(NotFound, match=r"backups/prod holds no a\.dump"):
        list(store.get("a.dump"))


def test_a_link_out_of_the_folder_is_neither_listed_nor_read(
    store: FolderStore, tmp_path: Path
) -> None:
    store.put("a.dump", [b"x"])
    (tmp_path / "elsewhere").write_text("secret")
    (tmp_path / "backups" / "prod" / "b.dump").symlink_to(tmp_path / "elsewhere")
    assert [each.key for each in store.entries()] == ["a.dump"]
    with pytest.raises(NotFound):
        list(store.get("b.dump"))


def test_a_sweep_takes_old_partials_of_ours_and_nothing_else(
    store: FolderStore, tmp_path: Path
) -> None:
    store.put("a.dump", [b"x"])
    for name in (".partial-a.dump-killed", ".note"):
        (tmp_path / "backups" / "prod" / name).touch()
    assert store.sweep() == 0
    assert store.sweep(older_than=-1) == 1
    assert names(tmp_path) == [".note", "a.dump"]


def test_a_file_where_the_folder_should_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "backups").write_text("")
    store = FolderStore(tmp_path / "backups" / "prod", "backups/prod")
    with pytest.raises(StoreError, match="backups/prod could not be written to; nothing was kept"):
        store.put("a.dump", [b"x"])


@pytest.mark.parametrize("key", BAD_KEYS)
def test_no_key_leads_out_of_the_store(store: FolderStore, tmp_path: Path, key: str) -> None:
    for use in (
        lambda: store.put(key, [b"x"]),
        lambda: list(store.get(key)),
        lambda: store.delete(key),
    ):
        with pytest.raises(BadKey):
            use()
    assert list(tmp_path.iterdir()) == []


def test_a_name_with_spaces_and_umlauts_is_a_good_key() -> None:
    assert check_key("ü ber=1 'x'.dump") == "ü ber=1 'x'.dump"


@given(st.lists(st.binary(max_size=9)), st.integers(1, 7))
def test_a_stream_is_cut_into_equal_parts_but_the_last(chunks: list[bytes], size: int) -> None:
    cutter, part, parts = PartSplitter(chunks, size), Part(Event()), []
    while length := cutter.fill(part):
        parts.append(part.read())
        assert len(parts[-1]) == length
    assert b"".join(parts) == b"".join(chunks)
    assert {len(each) for each in parts[:-1]} <= {size}
    assert not parts or len(parts[-1]) <= size


@given(st.integers(0, 5 * 10**12), st.sampled_from([100, 1_000, 10_000]))
def test_a_tenth_more_than_expected_still_fits_the_parts(expected: int, most: int) -> None:
    size = part_size(expected, most)
    assert size >= 16 * MIB
    assert -(-expected * 11 // 10 // size) <= most


def settings(**more: str) -> dict[str, str]:
    return {f"BACKUP_{name}": value for name, value in more.items()}


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("s3://bucket/some/path/", "s3://bucket/some/path/prod"),
        ("s3://bucket", "s3://bucket/prod"),
        ("backups", "backups/prod"),
        ("/srv/backups/", "/srv/backups/prod"),
        ("file:///srv/my%20backups", "/srv/my backups/prod"),
    ],
)
def test_a_store_is_named_as_in_the_settings_and_by_its_environment(place: str, name: str) -> None:
    assert open_store(settings(STORE=place), "prod").name == name


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"STORE": ""}, "BACKUP_STORE"),
        ({"STORE": "gs://bucket"}, "BACKUP_STORE"),
        ({"STORE": "s3://KEY:hush@bucket/x"}, "BACKUP_STORE"),
        ({"STORE": "s3:///x"}, "BACKUP_STORE"),
        ({"STORE": "s3://bucket/../x"}, "BACKUP_STORE"),
        ({"S3_ENDPOINT": "s3.example.com"}, "BACKUP_S3_ENDPOINT"),
        ({"S3_ENDPOINT": "https://KEY:hush@s3.example.com"}, "BACKUP_S3_ENDPOINT"),
        ({"S3_MAX_PARTS": "many"}, "BACKUP_S3_MAX_PARTS"),
        ({"S3_MAX_PARTS": "100000"}, "BACKUP_S3_MAX_PARTS"),
    ],
)
def test_a_wrong_setting_is_named_and_not_repeated(wrong: dict[str, str], names: str) -> None:
    with pytest.raises(ConfigError, match=f"{names} of prod") as caught:
        open_store(settings(**{"STORE": "s3://bucket/x", **wrong}), "prod")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("delivered", [None, "", "\n"])
def test_a_missing_key_is_named_with_the_file_it_belongs_into(
    tmp_path: Path, delivered: str | None
) -> None:
    (tmp_path / "BACKUP_S3_KEY").write_text("AKIA\n")
    if delivered is not None:
        (tmp_path / "BACKUP_S3_SECRET").write_text(delivered)
    store = open_store(settings(STORE="s3://bucket/x"), "prod", tmp_path)
    with pytest.raises(ConfigError) as caught:
        list(store.entries())
    assert re.match(r"BACKUP_S3_SECRET is missing.*secrets/prod\.sops\.yaml", str(caught.value))
