"""The review of migrations held to docs/locks.md, which was measured on real servers."""

import re
from dataclasses import replace

import pytest

from slipway.migrations import squawk
from slipway.migrations.lint import MEASURED
from slipway.migrations.verdict import Risk
from tests import lock_table
from tests.lock_cases import CASES, Case

EVERY = [case for cases in CASES.values() for case in cases]
ROWS = {row.operation: row for row in lock_table.rows()}
STRONG = ("SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE")
WORK = ("rewrites", "reads all of", "builds an index", "changes all rows")
# What a file cannot tell: it is noted, and stops nothing.
DEPENDS = {
    "alter table users add x int default ours()",  # whether the function is volatile
    "alter table users add primary key using index users_e",  # whether its columns may be NULL
    "alter table parts attach partition loose for values from (1000) to (9000)",
    "refresh materialized view summary",  # whether anybody reads the view
    "alter sequence counter restart with 5",  # a sequence has one row
}
# What locks for a moment only, and breaks the release that serves, or fails.
BREAKS = ("ban-drop-", "renaming-", "truncating-table", "locking-table", "adding-required-field")


def label(case: Case) -> str:
    return case.sql


def locks(text: str) -> set[str]:
    """The locks of a cell that others wait for."""
    modes = re.findall(r"([A-Z][A-Z ]+[A-Z]) on ", text)
    return {mode for mode in modes if mode in STRONG}


def test_the_table_has_every_operation() -> None:
    assert list(ROWS) == [lock_table.label(case) for case in EVERY]


@pytest.mark.parametrize("case", EVERY, ids=label)
def test_the_table_has_the_word_of_the_review(case: Case) -> None:
    assert ROWS[lock_table.label(case)].word == lock_table.word(case)


@pytest.mark.parametrize("case", EVERY, ids=label)
def test_what_works_on_rows_while_others_wait_is_unsafe_and_nothing_else(case: Case) -> None:
    row = ROWS[lock_table.label(case)]
    lets_others_work = "concurrently" in case.sql and "concurrently false" not in case.sql
    works = any(each in row.measured for each in WORK) and not lets_others_work
    blocks = works and bool(locks(row.measured) or "changes all rows" in row.measured)
    if blocks and case.sql not in DEPENDS:
        assert "unsafe" in row.word
    elif not any(f"`{each}" in row.word for each in BREAKS):
        assert "unsafe" not in row.word or "not in this version" in row.measured


@pytest.mark.parametrize("case", EVERY, ids=label)
def test_the_review_names_the_locks_that_others_wait_for(case: Case) -> None:
    row = ROWS[lock_table.label(case)]
    if row.measured.startswith("fails"):
        return
    named = " and ".join(each.lock for each in lock_table.findings(case, 18))
    assert all(mode in named for mode in locks(row.measured))
    if not locks(row.measured) and "not in this version" not in row.measured:
        assert not any(each.lock in STRONG for each in lock_table.findings(case, 18))


@pytest.mark.skipif(squawk.find() is None, reason="squawk is not installed")
def test_squawk_refuses_nothing_that_was_measured_to_be_harmless() -> None:
    program = squawk.find()
    assert program
    # What ours notes, squawk is not asked about.
    harmless = [
        case for case in EVERY if not any(each.rule for each in lock_table.findings(case, 17))
    ]
    migrations = [
        replace(lock_table.migration(case), filename=case.sql, version=str(number))
        for number, case in enumerate(harmless)
    ]
    remarks = squawk.remarks(program, migrations, 17)
    assert [each for each in remarks if each.blocks and each.rule not in MEASURED] == []


def test_each_level_of_risk_is_in_the_table() -> None:
    assert all(any(risk in row.word for row in ROWS.values()) for risk in Risk)
