"""Migration files: dbmate's format, split at its marks, refused by name when they are wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.database import migrations
from slipway.errors import ConfigError
from slipway.project import COMPOSE

NAME = "20260131120000_add_users.sql"


def test_a_file_is_split_into_up_and_down() -> None:
    text = "-- a comment\n-- migrate:up\ncreate table a ();\n\n-- migrate:down\ndrop table a;\n"
    one = migrations.parse(NAME, text)
    assert (one.version, one.name) == ("20260131120000", "add_users")
    assert (one.up, one.down) == ("create table a ();", "drop table a;")
    assert one.up_in_transaction and one.down_in_transaction


def test_each_direction_can_do_without_a_transaction() -> None:
    one = migrations.parse(NAME, "-- migrate:up transaction:false\nx\n-- migrate:down\ny")
    assert (one.up_in_transaction, one.down_in_transaction) == (False, True)
    other = migrations.parse(NAME, "-- migrate:up\nx\n--migrate:down transaction:false\ny")
    assert (other.up_in_transaction, other.down_in_transaction) == (True, False)


def test_a_way_back_may_be_missing() -> None:
    assert migrations.parse(NAME, "-- migrate:up\nx").down == ""


def test_a_mark_inside_a_line_is_no_mark() -> None:
    one = migrations.parse(NAME, "-- migrate:up\nselect '-- migrate:down';\n")
    assert (one.up, one.down) == ("select '-- migrate:down';", "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("add_users.sql", "-- migrate:up\nx"),
        ("2026_add_users.sql", "-- migrate:up\nx"),
        ("20260131120000_Add-Users.sql", "-- migrate:up\nx"),
        (NAME, "create table a ();"),
        (NAME, "-- migrate:down\nx\n-- migrate:up\ny"),
        (NAME, "-- migrate:up\nx\n-- migrate:up\ny"),
        (NAME, "-- migrate:up\nx\n-- migrate:down\ny\n-- migrate:down\nz"),
    ],
)
def test_a_file_that_is_not_in_the_format_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"^migrations/{name}: expected"):
        migrations.parse(name, text)


sql = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="-"), min_size=1)


@given(sql, sql)
def test_no_statement_is_lost_or_moved_to_the_other_side(up: str, down: str) -> None:
    one = migrations.parse(NAME, f"-- migrate:up\n{up}\n-- migrate:down\n{down}\n")
    assert (one.up, one.down) == (up.strip(), down.strip())


def test_files_are_read_oldest_first_and_a_version_may_stand_there_once(tmp_path: Path) -> None:
    for name in ("20260202000000_b", "20260101000000_a"):
        (tmp_path / f"{name}.sql").write_text("-- migrate:up\nx")
    (tmp_path / "README.md").write_text("words")
    assert [each.name for each in migrations.read(tmp_path)] == ["a", "b"]
    assert migrations.head(tmp_path) == "20260202000000"
    (tmp_path / "20260101000000_c.sql").write_text("-- migrate:up\nx")
    with pytest.raises(ConfigError, match="version 20260101000000 is there twice"):
        migrations.read(tmp_path)


def test_the_samples_migrations_all_have_a_way_back() -> None:
    found = migrations.read(COMPOSE / "migrations")
    assert found and all(each.up and each.down for each in found)
