"""Migration files: dbmate's format, checked before any SQL, and a new one made."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import ConfigError, SlipwayError, UsageError
from slipway.migrations import creation, files
from slipway.migrations.files import Migration, Script
from slipway.project import COMPOSE

NAME = "20260131120000_add_users.sql"
NOON = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


def test_a_file_is_split_into_up_and_down() -> None:
    text = "-- why\n\n-- migrate:up\n\ncreate table a ();\n\n-- migrate:down\n\ndrop table a;\n"
    one = files.parse(NAME, text)
    assert one == Migration(
        version="20260131120000",
        name="add_users",
        filename=NAME,
        up=Script("create table a ();", in_transaction=True, first_line=5),
        down=Script("drop table a;", in_transaction=True, first_line=9),
    )


def test_each_direction_can_do_without_a_transaction() -> None:
    one = files.parse(NAME, "-- migrate:up transaction:false\nx\n-- migrate:down\ny")
    assert one.down and (one.up.in_transaction, one.down.in_transaction) == (False, True)
    other = files.parse(NAME, "-- migrate:up\nx\n--migrate:down  transaction:false \ny")
    assert other.down and (other.up.in_transaction, other.down.in_transaction) == (True, False)


@pytest.mark.parametrize("way", ["", "-- migrate:down", "-- migrate:down\n-- a /*\n/* word */ ;"])
def test_a_way_down_that_says_nothing_is_none(way: str) -> None:
    assert files.parse(NAME, f"-- migrate:up\nx\n{way}").down is None


@pytest.mark.parametrize("text", ["-- migrate:up", "-- migrate:up\n\n-- migrate:down\n"])
def test_a_way_up_may_be_empty_as_for_dbmate(text: str) -> None:
    assert files.parse(NAME, text).up.text == ""


def test_line_ends_and_blank_edges_do_not_change_the_sum_and_what_runs() -> None:
    one = files.parse(NAME, "-- migrate:up\nselect '\n';\n\n-- migrate:down\nx")
    other = files.parse(NAME, "-- migrate:up\r\n\r\nselect '\r\n';  \r\n-- migrate:down\r\nx")
    assert (one.sha256, one.up.text) == (other.sha256, other.up.text)
    assert other.up.first_line == 3
    changed = files.parse(NAME, "-- migrate:up\nselect '\n ';\n-- migrate:down\nx")
    assert changed.sha256 != one.sha256


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("add_users.sql", "-- migrate:up\nx", "expected a name like"),
        ("٢٠٢٦_a.sql", "-- migrate:up\nx", "expected a name like"),
        (NAME, "", "expected -- migrate:up, then"),
        (NAME, "-- migrate:down\nx\n-- migrate:up\ny", "expected -- migrate:up, then"),
        (NAME, "-- migrate:up\nx\n-- migrate:up\ny", "line 3: expected one up and one down"),
        (
            NAME,
            "-- migrate:up\n-- migrate:down\ny\n-- migrate:up\n-- migrate:down\nz",
            "line 4: expected one up",
        ),
        (NAME, "create table a ();\n-- migrate:up\n", "line 1: expected only comments before"),
        (NAME, "\ufeff-- migrate:up\nx", "begins with a byte order mark"),
        (NAME, "-- migrate:up\nx\n -- migrate:down\ny", "line 3 is nearly a mark"),
        (NAME, "-- migrate:up\nx\n-- Migrate: Down\ny", "line 3 is nearly a mark"),
        (NAME, "-- migrate:up\nx\n--\nmigrate:down\ny", "nearly a mark"),
        (NAME, "-- migrate:up transaction: false\nx", "line 1: expected `transaction:false`"),
        (NAME, "-- migrate:up Transaction:False\nx", "line 1: expected `transaction:false`"),
        (NAME, "-- migrate:up\n<<<<<<< HEAD\nx", "line 2 is left from a merge conflict"),
        (NAME, "-- migrate:up\nx\0y", "line 2 has a NUL byte"),
    ],
)
def test_what_is_not_in_the_format_is_refused_by_name(name: str, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=f"^migrations/{name}: .*{re.escape(problem)}"):
        files.parse(name, text)


SPELLINGS = """
-- migrate down|select 1; -- migrate:down|-- migrate:dwon|# migrate:down|/* migrate:down */
-- migrate:undo|-- migrate: down|--migrate :down|---- migrate:down|-- MIGRATE:DOWN|-- migrate-down
-- migrate_down|-- migrate/down|-- migrate.down|-- migrat:down|-- migrates:down|-- migration:down
-- migarte:down|-- +migrate Down|-- +goose Down|// migrate:down|migrate:down|-- migrate:rollback
-- migrate:down:|-- migrate::down|-- migrate;down|/* migrate down */|-- migrate:revert
--- migrate:down|-- migrate:dowm transaction:false|-- migrate -> down|#migrate:down
-- @migrate:down|-- migrate:other|-- Migrate:down -- drop it|-- MIGRATE:DOWN drop it
-- migrate:dwon -- drop it|# migrate:down drop table a|/* migrate:down: drop the table */
-- migrate:undo the table|-- migrate down the table|-- migrate:down;-- x
"""
PROSE = """
-- migrate users to the new table|-- migrate up to 500 rows at a time|-- migrations|-- moderate:down
-- migration of the down payments|-- migrate: first the users, then the rest|select 'migrate:dwon'
-- see the migration guide|select $$ # migrate down $$|-- goose feathers|-- dbmate takes this too
-- migrate back what was moved|-- down
"""


@pytest.mark.parametrize("line", SPELLINGS.strip().replace("\n", "|").split("|"))
def test_a_mark_that_is_nearly_one_is_refused_with_its_line_and_spelling(line: str) -> None:
    text = f"-- migrate:up\ncreate table t ();\n{line}\ndrop table t;\n"
    with pytest.raises(ConfigError, match=r"line 3 is nearly a mark: .*a line `-- migrate:"):
        files.parse(NAME, text)


@pytest.mark.parametrize("line", PROSE.strip().replace("\n", "|").split("|"))
def test_a_comment_that_speaks_of_migrating_is_no_mark(line: str) -> None:
    files.parse(NAME, f"-- migrate:up\ncreate table t ();\n{line}\ndrop table t;\n")


def test_a_carriage_return_is_no_line_end_but_may_be_data() -> None:
    with pytest.raises(ConfigError, match="line 1 has a carriage return without a line feed"):
        files.parse(NAME, "-- migrate:up\rcreate table t ();\r")
    assert files.parse(NAME, "-- migrate:up\nselect 'a\rb'").up.text == "select 'a\rb'"


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    up = "-- migrate:up\nx"
    for name in ("1_a.sql", "01_b.sql", "10_c.sql", "words.sql", ".#1_a.sql"):
        (tmp_path / name).write_text(up)
    (tmp_path / "11_d.sql").write_bytes(b"-- migrate:up\nselect '\xe9'")
    (tmp_path / "12_e.sql").write_text("nothing")
    with pytest.raises(ConfigError) as caught:
        files.read(tmp_path)
    told = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in told] == [
        "migrations/11_d.sql",
        "migrations/12_e.sql",
        "migrations/words.sql",
        "migrations/1_a.sql",
    ]
    assert "byte 23 is not UTF-8" in told[0]
    assert "version 1 is there twice, see 01_b.sql" in told[3]


def test_names_and_numbers_must_agree_on_the_order() -> None:
    up = "-- migrate:up\nx"
    with pytest.raises(ConfigError, match=r"migrations/9_a.sql: sorts after 10_b.sql"):
        files.from_texts({"9_a.sql": up, "10_b.sql": up})
    assert [one.version for one in files.from_texts({"2026_b.sql": up, "009_a.sql": up})] == [
        "009",
        "2026",
    ]


def test_a_folder_is_read_oldest_first_and_knows_its_head(tmp_path: Path) -> None:
    assert files.read(tmp_path / "none") == [] and files.head(tmp_path / "none") == ""
    for name in ("20260202000000_b", "20260101000000_a b'ü"):
        (tmp_path / f"{name}.sql").write_text("-- migrate:up\nx")
    (tmp_path / "README.md").write_text("words")
    assert [each.name for each in files.read(tmp_path)] == ["a b'ü", "b"]
    assert files.head(tmp_path) == "20260202000000"


sql = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="-"), min_size=1)


@given(sql, sql)
def test_no_statement_is_lost_or_moved_to_the_other_side(up: str, down: str) -> None:
    one = files.parse(NAME, f"-- migrate:up\n{up}\n-- migrate:down\nx{down}\n")
    assert one.down and (one.up.text, one.down.text) == (up.strip(), f"x{down}".strip())


def test_the_samples_migrations_all_have_a_way_back() -> None:
    found = files.read(COMPOSE / "migrations")
    assert found and all(each.up.text and each.down for each in found)


def test_a_new_file_has_a_safe_name_and_both_marks(tmp_path: Path) -> None:
    made = creation.new(tmp_path, "Add üser/email; drop", NOON)
    assert made.name == "20260131120000_add_user_email_drop.sql"
    assert files.parse(made.name, made.read_text()).up.text == ""
    again = creation.new(tmp_path, "../-rf $(x) ß 2", NOON)
    assert again.name == "20260131120001_rf_x_ss_2.sql"


def test_files_made_at_the_same_moment_never_share_a_version(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: creation.new(tmp_path, f"n{n}", NOON), range(24)))
    assert len({path.name[:14] for path in made}) == len(files.read(tmp_path)) == 24


@pytest.mark.parametrize(
    ("head", "version"),
    [("0007", "20260131120000"), ("20301231235959", "20310101000000"), ("9" * 15, "1" + "0" * 15)],
)
def test_a_new_file_is_younger_than_every_other(tmp_path: Path, head: str, version: str) -> None:
    (tmp_path / f"{head}_a.sql").write_text("-- migrate:up\nx")
    assert creation.new(tmp_path, "b", NOON).name == f"{version}_b.sql"


def test_what_cannot_be_made_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no letter"):
        creation.new(tmp_path, "—  ?", NOON)
    (tmp_path / "file").write_text("")
    with pytest.raises(SlipwayError, match=r"no migration was made: .*file: "):
        creation.new(tmp_path / "file", "a", NOON)
