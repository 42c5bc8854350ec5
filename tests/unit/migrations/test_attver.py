"""The mark that newer servers keep on a column, taken out of what older programs dump."""

import pytest

from slipway.migrations import attver, schema_dump

HEAD = "ALTER TABLE ONLY public.people ALTER COLUMN name SET "
TABLE = "CREATE TABLE public.people (\n    name text\n);\n"


@pytest.mark.parametrize(
    "name", ["name", '"Name; of (all)"', '"say ""so"" or not"', '"pg_attver=1"', '"two\nlines"']
)
def test_a_mark_alone_goes_with_its_statement(name: str) -> None:
    line = f"ALTER TABLE ONLY public.people ALTER COLUMN {name} SET (pg_attver=22153504);\n"
    assert attver.without(TABLE + line + TABLE) == (TABLE + TABLE, 1)


def test_a_foreign_tables_mark_goes_too() -> None:
    line = 'ALTER FOREIGN TABLE ONLY "Else".far ALTER COLUMN id SET (pg_attver=1);\n'
    assert attver.without(line) == ("", 1)


@pytest.mark.parametrize(
    "options", ["pg_attver=7, n_distinct=-0.5", "n_distinct=-0.5, pg_attver=7"]
)
def test_the_users_own_options_beside_it_stay(options: str) -> None:
    assert attver.without(f"{HEAD}({options});\n") == (f"{HEAD}(n_distinct=-0.5);\n", 1)


@pytest.mark.parametrize(
    "sql",
    [
        f"{HEAD}(n_distinct=5);\n",
        f"{HEAD}(pg_attver=abc);\n",  # no mark we know: the server shall say what it thinks
        f"{HEAD}(pg_attver2=5);\n",
        f"{HEAD}STATISTICS 100;\n",
        f"COMMENT ON TABLE public.people IS 'see\n{HEAD}(pg_attver=7);\n';\n",
        f"CREATE FUNCTION public.f() RETURNS void LANGUAGE sql AS $$\n{HEAD}(pg_attver=7);\n$$;\n",
        f"/* not run:\n{HEAD}(pg_attver=7);\n*/\n",
        f'CREATE TABLE public."t\n{HEAD}(pg_attver=7);\n" (a integer);\n',
        f"CREATE VIEW public.v AS SELECT E'it\\'s\n{HEAD}(pg_attver=7);\n' AS text;\n",
    ],
)
def test_everything_else_stays_as_it_is(sql: str) -> None:
    text = f"\\restrict abc123\n\nSET row_security = off;\n{sql}{TABLE}\\unrestrict abc123\n"
    assert attver.without(text) == (text, 0)


def test_bytes_that_are_no_utf_8_come_through() -> None:
    data = f"COMMENT ON TABLE public.people IS '\xe9';\n{HEAD}(pg_attver=7);\n".encode("latin-1")
    text, count = attver.without(data.decode("utf-8", "surrogateescape"))
    assert (text.encode("utf-8", "surrogateescape"), count) == (data.partition(b"ALTER")[0], 1)


def test_the_schema_file_is_the_same_with_a_mark_and_without() -> None:
    assert schema_dump.tidy(f"{TABLE}{HEAD}(pg_attver=7);\n") == schema_dump.tidy(TABLE)
