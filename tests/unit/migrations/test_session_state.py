"""What a migration leaves in its session: set again where it is resumed, or lost by then."""

import pytest

from slipway.migrations.session import resets
from slipway.migrations.session_state import find_lost, is_set_again
from slipway.migrations.splitter import split

MADE = "set role app; create temp table batch as select 1 id; select 1;"


@pytest.mark.parametrize(
    "work",
    [
        "delete from batch",
        'insert into users select * from "batch"',
        "do $$ begin delete from BATCH; end $$",
        "alter table pg_temp.batch add x int",
    ],
)
def test_a_statement_that_names_a_lost_temporary_table_is_named(work: str) -> None:
    lost = find_lost(split(f"{MADE} select 2; {work}"), 4)
    assert lost.startswith("statement 5 names batch, a temporary table that statement 2 made")


def test_nothing_is_lost_where_the_table_is_made_again_dropped_or_of_another_name() -> None:
    work = "truncate batch"
    assert find_lost(split(f"{MADE} {work}"), 2) == ""
    assert find_lost(split(f"{MADE} drop table batch; {work}"), 5) == ""
    assert find_lost(split(f"{MADE} do $$ begin truncate batches; end $$"), 4) == ""
    assert find_lost(split(f"create table batch (); {work}"), 2) == ""


@pytest.mark.parametrize(
    ("sql", "is_set"),
    [
        ("SET search_path = app", True),
        ("RESET ALL", True),
        ("DISCARD ALL", True),
        ("SELECT pg_catalog.set_config('search_path', '', false)", True),
        ("SELECT set_config('a.b', (SELECT backfill()), false)", False),
        ("SELECT set_config('a.b', 'c', false) FROM users", False),
        ("SELECT backfill()", False),
        ("CREATE TABLE a ()", False),
    ],
)
def test_what_only_sets_something_is_set_again(sql: str, is_set: bool) -> None:
    assert is_set_again(split(sql)[0]) is is_set


@pytest.mark.parametrize(
    ("sql", "lost"),
    [
        ("RESET ALL", ["lock_timeout", "statement_timeout"]),
        ("DISCARD ALL", ["lock_timeout", "statement_timeout"]),
        ("RESET lock_timeout", ["lock_timeout"]),
        ("SET statement_timeout TO DEFAULT", ["statement_timeout"]),
        ("SET LOCAL lock_timeout = DEFAULT", ["lock_timeout"]),
        ("RESET search_path", []),
        ("DISCARD PLANS", []),
        ("SET lock_timeout = 0", []),
    ],
)
def test_what_a_statement_resets_is_known(sql: str, lost: list[str]) -> None:
    assert resets(split(sql)[0], ["lock_timeout", "statement_timeout"]) == lost
