"""Resets that are refused before anything is changed: prod, missing rights, no way in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.database import identity, query
from slipway.database.connection import NoDatabase, Server
from slipway.errors import Refused
from tests.integration.postgres_stack import PASSWORD, PostgresStack
from tests.integration.reset_cases import reset, tables
from tests.integration.restore_cases import databases

pytestmark = pytest.mark.engine


@pytest.fixture
def plain(server: PostgresStack) -> Iterator[Server]:
    """A database of an ordinary role that may create others, as a managed server gives."""
    literal = "'" + PASSWORD.replace("'", "''") + "'"
    server.sql(f"CREATE ROLE plain LOGIN CREATEDB PASSWORD {literal}", "postgres")
    server.sql("CREATE DATABASE plain OWNER plain", "postgres")
    there = server.server
    yield Server(there.host, there.port, "plain", "plain", there.password_file)
    server.sql("DROP DATABASE plain WITH (FORCE)", "postgres")
    server.sql("DROP ROLE plain", "postgres")


@pytest.mark.parametrize(
    ("asked", "setting", "row", "words"),
    [
        ("prod", "prod", None, "you asked for prod"),
        ("dev", "prod", None, "its settings say prod"),
        ("dev", "dev", "prod", "its own row says prod"),
        ("staging", "staging", "prod", "its own row says prod"),
        ("dev", "staging", None, "you asked for 'dev', and its settings say 'staging'"),
        ("staging", "staging", "testing", "says that it is 'testing', and its settings .*staging"),
    ],
)
def test_prod_and_what_does_not_agree_are_refused_before_anything_is_changed(
    place: PostgresStack, asked: str, setting: str, row: str | None, words: str
) -> None:
    with place.server.connect() as connection:
        if row:
            identity.write(connection, row)
    with pytest.raises(Refused, match=words):
        reset(place.server, environment=asked, setting=setting)
    assert databases(place) == {"logbook"}
    assert "fresh" not in tables(place.server)


def test_an_ordinary_role_resets_its_own_database(server: PostgresStack, plain: Server) -> None:
    with plain.connect(application="api"):
        reset(plain)
    assert tables(plain) == {"fresh"}
    assert databases(server) == {"logbook", "plain"}


def test_missing_rights_are_told_before_anything_is_changed(
    server: PostgresStack, plain: Server
) -> None:
    with (
        server.server.named("plain").connect(),
        pytest.raises(
            Refused, match=r"logbook is connected to plain, and the role plain may not end"
        ),
    ):
        reset(plain)
    with pytest.raises(Refused, match=r"logbook belongs to another role than plain"):
        reset(plain.named("logbook"))
    server.sql("ALTER ROLE plain NOCREATEDB", "postgres")
    try:
        with pytest.raises(Refused, match=r"may not create databases; .*createdb"):
            reset(plain)
    finally:
        server.sql("ALTER ROLE plain CREATEDB", "postgres")


def test_a_server_that_only_reads_is_told(server: PostgresStack, plain: Server) -> None:
    server.sql("ALTER ROLE plain SET default_transaction_read_only = on", "postgres")
    try:
        with pytest.raises(Refused, match=r"only reads \(a replica\?\)"):
            reset(plain)
    finally:
        server.sql("ALTER ROLE plain RESET default_transaction_read_only", "postgres")


def test_a_wrong_password_a_missing_database_and_a_server_that_is_down_are_told_apart(
    server: PostgresStack, tmp_path: Path
) -> None:
    there = server.server
    wrong = tmp_path / "wrong"
    wrong.write_text("hunter2\n")
    cases = {
        r'does not let logbook in: password authentication failed for user "logbook"$': Server(
            there.host, there.port, "logbook", "logbook", wrong
        ),
        r'does not let logbook in: database "nowhere" does not exist$': there.named("nowhere"),
        r"^the database server at 127.0.0.1:1 does not answer: Connection refused$": Server(
            there.host, 1, "logbook", "logbook", there.password_file
        ),
    }
    for words, place in cases.items():
        with pytest.raises(NoDatabase, match=words) as caught:
            query.ask(place, "select 1", patience=1)
        assert "hunter2" not in str(caught.value) and PASSWORD not in str(caught.value)
