"""What decides about a database's data: who is refused, what a question is, how values are told."""

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.agent import shell
from slipway.database import identity, query
from slipway.errors import Refused, UsageError
from slipway.show import writer

NAMES = st.sampled_from(["dev", "testing", "staging", "prod"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
    | st.decimals() | st.dates() | st.uuids(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)  # fmt: skip


@given(NAMES, NAMES, NAMES | st.none())
def test_only_one_environment_that_is_not_prod_is_ever_let_through(
    asked: str, setting: str, row: str | None
) -> None:
    agreed = asked == setting and row in (None, setting) and setting != "prod"
    try:
        identity.refuse_unless(asked, setting, row, "reset")
    except Refused as refused:
        assert not agreed
        assert "othing was changed" in str(refused)
    else:
        assert agreed


@given(VALUES)
def test_every_value_can_be_told_as_json(value: object) -> None:
    json.dumps(query.plain(value), allow_nan=False)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40))
def test_a_number_loses_nothing(number: Decimal) -> None:
    told = query.plain(number)
    assert isinstance(told, int | float | str)
    assert Decimal(repr(told) if isinstance(told, float) else told) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_stays_one(number: float) -> None:
    told = query.plain(number)
    assert isinstance(told, float) and math.isclose(told, number, rel_tol=0)


@pytest.mark.parametrize(
    "sql", ["select 1", " (select 1)", "-- a\nWITH x AS (", "/* a\n*/ -- b\n values (1)", "TABLE t"]
)
def test_what_reads_is_a_question(sql: str) -> None:
    query.check(sql, 1, 1)


@pytest.mark.parametrize("sql", ["commit", "/* select */ drop table t", "copy t", "do $$"])
def test_what_does_not_begin_like_a_question_is_refused(sql: str) -> None:
    with pytest.raises(Refused, match="only reads"):
        query.check(sql, 1, 1)


@pytest.mark.parametrize(("limit", "timeout"), [(0, 1), (1, 0), (1, math.inf), (1, math.nan)])
def test_impossible_limits_are_a_mistake_of_usage(limit: int, timeout: float) -> None:
    with pytest.raises(UsageError, match="--limit"):
        query.check("select 1", limit, timeout)


def test_a_shell_in_prod_reads_and_shows_red_and_another_does_neither() -> None:
    assert "default_transaction_read_only=on" in shell.session_options(is_write=False)
    assert "read_only" not in shell.session_options(is_write=True)
    assert "1;31m" in " ".join(shell.flags("prod", is_write=False))
    assert "1;31m" not in " ".join(shell.flags("staging", is_write=True))


@given(st.text())
def test_no_row_can_speak_to_the_terminal(text: str) -> None:
    assert writer.visible_line(text).isprintable()
