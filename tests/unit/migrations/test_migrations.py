"""What is pending and what is wrong, from files and journal alone; and what is said of it."""

from pathlib import Path
from typing import Any

import pytest

from slipway.client import migrations as given
from slipway.errors import ConfigError, DifferenceFound, Refused
from slipway.migrations import failure, files, indexes, schema_dump, squawk, state
from slipway.migrations.blockers import describe, without_strings
from slipway.migrations.failure import Failure
from slipway.migrations.journal import Journal, JournalEntry
from slipway.migrations.splitter import split
from slipway.migrations.status import MigrationPlan, MigrationRow, MigrationStatus
from slipway.progress import Silent
from slipway.project import COMPOSE
from slipway.releases import migrations
from tests.fakes.reporter import RecordingReporter

TEXT = "-- migrate:up\ncreate table t ();\n-- migrate:down\ndrop table t;\n"
FILES = files.from_texts({f"{n}_t.sql": TEXT for n in (10, 20, 30)})
SUM = FILES[0].sha256


def compare(*entries: JournalEntry, **more: Any) -> state.MigrationState:
    return state.compare(FILES, Journal({each.version: each for each in entries}), **more)


def kinds(found: state.MigrationState) -> list[str]:
    return [each.kind for each in found.problems]


def test_all_is_pending_where_nothing_is_known() -> None:
    found = compare()
    assert list(found.pending) == FILES and not found.problems and not found.applied


def test_an_applied_file_is_held_to_its_sum_and_not_to_its_name() -> None:
    assert kinds(compare(JournalEntry("10", "another name", SUM))) == []
    found = compare(JournalEntry("10", "t", "0" * 64))
    assert kinds(found) == ["edited"]
    assert "0" * 12 in found.problems[0].text and SUM[:12] in found.problems[0].text
    assert kinds(compare(JournalEntry("10", "t", "0" * 64), accepted={"10"})) == []


def test_a_version_whose_file_nobody_has_seen_is_taken_as_it_is() -> None:
    found = compare(JournalEntry("10"))
    assert kinds(found) == [] and [each.version for each in found.unseen] == ["10"]


def test_an_applied_version_without_a_file_is_missing_or_the_database_is_ahead() -> None:
    assert kinds(compare(JournalEntry("10", "t", SUM), JournalEntry("15", "gone"))) == ["missing"]
    assert kinds(compare(JournalEntry("10", "t", SUM), JournalEntry("15", "gone", gone=True))) == []
    found = compare(*(JournalEntry(each.version, "t", SUM) for each in FILES), JournalEntry("40"))
    assert kinds(found) == ["ahead"] and found.in_the_way == []


def test_what_is_older_than_the_newest_applied_is_out_of_order() -> None:
    found = compare(JournalEntry("20", "t", SUM))
    assert kinds(found) == ["out of order"]
    assert [found.is_late(each) for each in found.pending] == [True, False]


def test_versions_are_ordered_as_numbers_and_words_of_another_tool_come_first() -> None:
    assert sorted(["100", "20", "init"], key=state.order) == ["init", "20", "100"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (JournalEntry("10", state="started", begun=2, ended=1, statements=3), "--resume-from=2"),
        (JournalEntry("10", state="started", begun=2, ended=2, statements=3), "--resume-from=3"),
        (
            JournalEntry("10", state="started", direction="down", statements=3),
            "inv db.rollback --resume",
        ),
    ],
)
def test_a_half_done_file_is_named_with_the_way_on(entry: JournalEntry, said: str) -> None:
    found = compare(entry)
    assert kinds(found)[0] == "half done" and said in found.problems[0].text
    assert found.half_done == entry and "10" not in [each.version for each in found.pending]


def test_statements_that_cannot_run_are_found_in_all_files_with_their_lines() -> None:
    bad = files.from_texts(
        {
            "1_a.sql": TEXT.replace("create", "\\i x\ncreate"),
            "2_b.sql": TEXT.replace("up", "up\n\n"),
        }
        | {"3_c.sql": "-- migrate:up\nvacuum;"}
    )
    found = [each.text for each in state.unrunnable(bad)]
    assert [text.split(":")[0] for text in found] == ["migrations/1_a.sql", "migrations/3_c.sql"]
    assert "line 2" in found[0] and "transaction:false" in found[1]


def test_what_a_query_says_in_its_strings_is_not_shown() -> None:
    query = "ALTER ROLE app\n  PASSWORD 'hunter2' VALID UNTIL $$x$$ -- hunter3"
    assert "hunter" not in without_strings(query)
    assert describe(7, "api", "idle in transaction", query, 3.2).startswith(
        "pid 7 (api, idle in transaction, 3 s old): ALTER ROLE app PASSWORD '…'"
    )


def test_a_failure_names_the_line_in_the_file_and_what_is_left() -> None:
    one = files.parse("1_a.sql", "-- about\n-- migrate:up\nselect 1;\nselect 'x',\n wrong;\n")
    told = str(
        failure.explain(
            Failure(2, "42703", "no such column", position=14),
            one,
            one.up,
            split(one.up.text),
            "the file was rolled back completely",
        )
    )
    assert told.startswith("migrations/1_a.sql, line 5: statement 2 of 2 failed: no such column")
    assert told.endswith("(42703); the file was rolled back completely\n    select '…', wrong")


def test_an_invalid_index_is_laid_to_the_statement_that_made_it_or_passed_over_it() -> None:
    made = split("create index concurrently if not exists a on t (n)")[0]
    old, new = {"public.b": "b"}, {"public.b": "b", "public.a": "a"}
    assert "DROP INDEX CONCURRENTLY public.a;" in indexes.left_by(made, old, new)
    assert "public.a;" in indexes.left_by(made, new, new)
    assert indexes.left_by(made, old, old) == ""


def test_what_differs_between_two_dumps_is_taken_out_and_nothing_else() -> None:
    def dump(key: str, version: str) -> str:
        head = f"--\n-- PostgreSQL database dump\n--\n\n\\restrict {key}\n\n"
        head += (
            f"-- Dumped from database version {version}\n-- Dumped by pg_dump version {version}\n"
        )
        return f"{head}\nCREATE TABLE t (n int DEFAULT '\n\n\n');\n\n\\unrestrict {key}\n"

    first = schema_dump.tidy(dump("abc1", "17.6"))
    assert first == schema_dump.tidy(dump("xyz2", "17.9 (Debian 17.9-1)"))
    assert "'\n\n\n'" in first and "restrict" not in first


def test_a_status_that_is_not_clean_is_a_difference() -> None:
    given.check(MigrationStatus((), (), 0, "3 applied"))
    with pytest.raises(DifferenceFound, match="1 pending"):
        given.check(MigrationStatus((), (), 1, "1 pending"))


def test_a_checkout_is_judged_without_a_database(tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "10_old.sql").write_text("-- migrate:up\nalter table t drop column a;\n")
    (folder / "20_new.sql").write_text("-- migrate:up\ncreate table n ();\n")
    found = migrations.review_checkout("", Silent(), tmp_path)
    assert [(one.filename, one.line) for one in found if one.blocks] == [("10_old.sql", 2)]
    with pytest.raises(DifferenceFound, match="1 statement is not safe"):
        migrations.demand_safe(found)
    migrations.demand_safe(migrations.review_checkout("10", Silent(), tmp_path))
    (folder / "30_bad.sql").write_text("-- migrate:up\n\ncommit;\n")
    with pytest.raises(ConfigError, match=r"30_bad\.sql: line 3: COMMIT"):
        migrations.review_checkout("", Silent(), tmp_path)


def test_without_squawk_it_is_said_that_one_pair_of_eyes_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/10_a.sql").write_text(TEXT)
    monkeypatch.setattr(squawk, "find", lambda: None)
    heard = RecordingReporter()
    assert migrations.review_checkout("", heard, tmp_path) == []
    assert heard.notes == [squawk.SKIPPED]


def test_what_can_never_run_is_refused_before_anybody_connects(tmp_path: Path) -> None:
    index = "create index concurrently i on t (n);"
    (tmp_path / "10_a.SQL").write_text(f"-- migrate:up\n{index}\n")
    with pytest.raises(ConfigError, match=r"expected a name like"):
        given.texts(tmp_path)
    (tmp_path / "10_a.SQL").rename(tmp_path / "10_a.sql")
    with pytest.raises(ConfigError, match=r"10_a\.sql: line 2: .*transaction:false"):
        given.texts(tmp_path)
    (tmp_path / "10_a.sql").write_text(f"-- migrate:up transaction:false\n{index}\n")
    (tmp_path / "20_b.sql").write_text(f"-- migrate:up\n-- {index}\nselect 1;\n")
    (tmp_path / "30_c.sql").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"30_c\.sql: cannot be read: No such file"):
        given.texts(tmp_path)
    (tmp_path / "30_c.sql").unlink()
    assert list(given.texts(tmp_path)) == ["10_a.sql", "20_b.sql"]


def test_a_roll_back_takes_the_newest_that_are_applied() -> None:
    rows = tuple(
        MigrationRow(str(n), f"{n}_a.sql", "applied", n < 3, False, "", None, "") for n in (1, 2, 3)
    )
    status = MigrationStatus(rows, (), 1, "2 applied, 1 pending")
    assert [row.version for row in given.newest(status, 1)] == ["2"]
    assert [row.version for row in given.newest(status, 9)] == ["2", "1"]
    with pytest.raises(Refused, match="because of this problem"):
        given.demand_runnable(MigrationPlan((), ("edited",), 17, ""))


def test_the_schemas_file_is_written_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "schema.sql"
    assert given.write("a\n", path) and not given.write("a\n", path) and given.write("b\n", path)


def test_the_samples_migrations_all_have_a_way_back() -> None:
    found = files.read(COMPOSE / "migrations")
    assert found and all(each.up.text and each.down for each in found)
