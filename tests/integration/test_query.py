"""Queries of a real database: answers that JSON can hold, and nothing is ever written."""

import pytest

from slipway.agent.messages.data import QueryRequest
from slipway.database import query
from slipway.errors import Refused, SlipwayError, UsageError
from tests.integration.postgres_stack import PostgresStack

pytestmark = pytest.mark.engine


def test_a_question_is_answered_with_values_that_json_can_hold(server: PostgresStack) -> None:
    sql = """-- a comment, and 100 % of it
      SELECT 1 AS one, 2.50 AS price, 12345678901234567890 AS large, 0.1234567890123456789 AS fine,
        'ü'::text, NULL AS none, true AS yes, '{"a": [1]}'::jsonb AS doc, ARRAY[1, 2] AS list,
        'infinity'::timestamptz AS at, 'NaN'::float AS nan, '\\x00ff'::bytea AS bytes,
        1 AS one, daterange('2026-01-01', NULL) AS stay"""
    found = server.call(QueryRequest(sql=sql))
    row = dict(zip(found.columns, found.rows[0], strict=True))
    assert row == {
        "one": 1, "price": 2.5, "large": 12345678901234567890, "fine": "0.1234567890123456789",
        "text": "ü", "none": None, "yes": True, "doc": {"a": [1]}, "list": [1, 2],
        "at": "infinity", "nan": "nan", "bytes": "\\x00ff", "one_2": 1, "stay": "[2026-01-01,)",
    }  # fmt: skip


def test_no_more_rows_than_asked_for_are_sent_and_the_rest_is_said(server: PostgresStack) -> None:
    endless = "select generate_series(1, 1000000000000000)"
    found = server.call(QueryRequest(sql=endless, limit=3))
    assert found.rows == ((1,), (2,), (3,))
    assert found.more and found.summary == "3 rows, and more"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select 1; drop table t", "one statement"),
        ("commit; drop table t", "begins with 'commit'"),
        ("select 1; commit; drop table t", "one statement"),
        ("with gone as (delete from t returning id) select * from gone", "only reads"),
        ("select id into u from t", "only reads"),
        ("explain analyze delete from t", "only reads"),
        ("select nextval('t_id_seq')", "only reads"),
        ("copy t to program 'touch /tmp/x'", "begins with 'copy'"),
        ("do $$ begin delete from t; end $$", "begins with 'do'"),
        ("/* select */ drop table t", "begins with 'drop'"),
        ("set transaction read write", "begins with 'set'"),
    ],
)
def test_nothing_is_written_by_a_question(place: PostgresStack, sql: str, words: str) -> None:
    place.sql("CREATE TABLE t (id serial); INSERT INTO t DEFAULT VALUES")
    with pytest.raises(Refused, match=words):
        query.ask(place.server, sql)
    assert place.sql("SELECT count(*), max(id) FROM t") == [(1, 1)]


def test_the_transaction_cannot_be_made_to_write_from_within(server: PostgresStack) -> None:
    with pytest.raises(SlipwayError, match="read-write mode"):
        query.ask(server.server, "select set_config('transaction_read_only', 'off', true)")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select 1\nfrom nowhere", r'"nowhere" does not exist \(SQLSTATE 42P01, line 2, column 6'),
        ("select 1 +", r"at end of input \(SQLSTATE 42601, line 1, column 11: the end\)"),
        ("select 1/0", r"^division by zero \(SQLSTATE 22012\)$"),
        ("select pg_sleep(20)", "no answer within 1 s"),
    ],
)
def test_what_the_server_complains_of_is_one_sentence_with_its_place(
    server: PostgresStack, sql: str, words: str
) -> None:
    with pytest.raises(query.QueryFailed, match=words):
        query.ask(server.server, sql, timeout=1)


@pytest.mark.parametrize("sql", ["", "  ", "-- nothing", ";"])
def test_no_question_is_a_mistake_of_usage(server: PostgresStack, sql: str) -> None:
    with pytest.raises(UsageError, match="no statement"):
        query.ask(server.server, sql)
