"""The splitter against psql 17 itself: the same statements, and the same database after them."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from hypothesis import Phase, assume, example, given, settings
from hypothesis import strategies as st

from slipway.migrations.splitter import refuse, split
from tests.integration.docker_sandbox import DockerSandbox, base_image
from tests.peers import psql as peer

pytestmark = pytest.mark.engine

# Each example starts a process or two: a failure is shown as found, and not made smaller.
patient = settings(phases=[Phase.explicit, Phase.reuse, Phase.generate])


@dataclass(frozen=True)
class Psql:
    """psql 17 in a container beside a server; `folder` is there under the same name as here."""

    container: str
    folder: Path
    port: int

    def run(self, *words: str) -> str:
        argv = ["docker", "exec", "-i", self.container, "psql", "-X", "-q", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def sent(self, scripts: list[str]) -> list[list[str]]:
        """Say what psql sends to a server for each script."""
        return peer.sent(scripts, self.folder, lambda words: self.run(*words))

    def connect(self, database: str) -> psycopg.Connection:
        url = f"host=127.0.0.1 port={self.port} user=postgres dbname={database}"
        return psycopg.connect(url, autocommit=True)

    def empty(self, database: str) -> None:
        with self.connect("postgres") as connection:
            connection.execute(f"drop database if exists {database} with (force)".encode())
            connection.execute(f"create database {database} strategy file_copy".encode())


@pytest.fixture(scope="module")
def psql(module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory) -> Psql:
    folder = tmp_path_factory.mktemp("psql")
    options = ["--env", "POSTGRES_HOST_AUTH_METHOD=trust", "--volume", f"{folder}:{folder}"]
    options += ["--publish", "127.0.0.1::5432", "--tmpfs", "/var/lib/postgresql/data"]
    options += ["--env", "PGOPTIONS=-cclient_min_messages=error"]
    container = module_corner.run(base_image("postgres:17"), "-c", "fsync=off", options=(*options,))
    made = Psql(container, folder, module_corner.port(container, 5432))
    for _ in range(100):
        # Over TCP: the server that prepares the first start listens on its socket only.
        if made.run("-h", "127.0.0.1", "-U", "postgres", "-A", "-t", "-c", "select 1") == "1\n":
            return made
        time.sleep(0.2)
    raise AssertionError("the server did not start")


# What psql sends, for any characters whatever -------------------------------------------------

COMMENTS = ["-- it's; \n", "/* ; */", "/* /* ; */ ' */", "/*/**/;*/", "--\n"]
PIECES = [
    *["select", "create", "or", "replace", "function", "procedure", "table", "rule", "_case"],
    *[
        " ",
        "\n",
        "\t",
        "\r",
        ";",
        ";",
        ";",
        "(",
        ")",
        "[1:2]",
        "$1",
        "1",
        "1.5e3",
        "1a",
        "1.",
        ".",
        "1e+",
        "a$b$",
        "é",
    ],
    *[
        'e"',
        'b"',
        'n"x',
        'x"',
        "'",
        "''",
        '"',
        '""',
        "E'",
        "e'",
        "\\'",
        "\\\\",
        "U&'",
        'U&"',
        "b'1",
        "x'1",
        "N'",
        "_E'",
    ],
    *["$$", "$a$", "$b$", "$é$", "$a", "$", "$1$", "$$$", "E'\\'';'", "$a$;$b$;$a$"],
    *["+", "-", "*", "/", "/*", "*/", "--", "->", "<", "@-", "+-", "**/", "end", "case", "END;"],
    *["create function f()", "CREATE OR REPLACE PROCEDURE", "begin atomic", "Begin\nAtomic"],
    *COMMENTS,
]
pieces = st.lists(st.sampled_from(PIECES), max_size=25)
scripts = pieces.map(" ".join) | pieces.map("".join)


@settings(patient, max_examples=60)
@given(st.lists(scripts, min_size=20, max_size=40))
@example(["select 'a' -- it's\n ; select '--'';'; select e'\\';'; select U&'\\';", "$a$$b$;$a$;"])
@example(["create rule r as on insert to t do (delete from a; delete from b); select 1"])
@example(["create function f() returns int begin atomic select case when a then b end; end; x"])
@example(["/*/*;*/;*/;select a$b$;c$b$", "select 'a'\n';';", "a -- ;\r;b", "select 1 /* ; "])
def test_any_text_is_cut_where_psql_cuts_it(psql: Psql, texts: list[str]) -> None:
    texts = [text for text in texts if not peer.is_mistaken(text)]
    ours = [split(text) for text in texts]
    # A psql command may do anything to what follows; migrations with one are refused.
    plain = [n for n, each in enumerate(ours) if not any("\\" in one.kind for one in each)]
    assume(plain)
    for number, theirs in zip(plain, psql.sent([texts[n] for n in plain]), strict=True):
        assert list(peer.differences(ours[number], theirs)) == [], texts[number]


# What the server has afterwards, for nasty SQL that is right ------------------------------------

WORDS = ["it's", ";", "--", "/*", "*/", "$$", "$x$", "\\", '"', "%", "%s", "{}", "end;", "é", "\n"]
nasty = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
space = st.sampled_from([" ", "\n", "\t", *COMMENTS])


def standard(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def escaped(text: str) -> str:
    return "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def dollars(text: str) -> str:
    return f"$body${text}$body$"


literal = st.one_of(
    nasty.map(standard),
    nasty.map(escaped),
    nasty.map(dollars),
    nasty.map(lambda text: "U&" + standard(text.replace("\\", "\\\\"))),
    st.builds(lambda a, b: f"{standard(a)} -- ;'\n {standard(b)}", nasty, nasty),
)
name = nasty.map(lambda text: '"' + text.replace('"', '""'))  # a kind's letter ends it
ATOMIC = """create{s}or replace function {n}f"() returns text{s}begin atomic{s}
    select case when {a} = {b} then {a} else case when true then {b} end end; select {b}; end;"""
PROCEDURE = """create or replace procedure {n}p"(){s}language sql{s}begin atomic
    insert into said values ({a});{s}insert into said values ({b}); end; call {n}p"();"""
RULE = """create or replace rule {n}r" as on insert to heard{s}do instead{s}
    (insert into said values ({a}); insert into said values ({b}));insert into heard values(1);"""
TEMPLATES = [
    "insert into said values ({a});",
    "insert into said{s}values{s}({a}){s},({b}){s};",
    "do $do$ begin execute $in$ insert into said values ({a}) $in$; end $do$;{s}",
    'create table if not exists {n}t" (a text default {a}); comment on table {n}t" is {c};',
    ";{s};",
    ATOMIC,
    PROCEDURE,
    RULE,
]
STATE = """
select string_agg(words, '|' order by place) from said
union all select string_agg(pg_get_functiondef(oid), '|' order by proname)
    from pg_proc where pronamespace = 'public'::regnamespace
union all select string_agg(pg_get_ruledef(oid), '|' order by rulename)
    from pg_rewrite where ev_class = 'heard'::regclass
union all select string_agg(relname || obj_description(oid, 'pg_class'), '|' order by relname)
    from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
"""
BEFORE = "create table said (words text, place serial); create table heard (a int);"


@st.composite
def working(draw: st.DrawFn) -> str:
    """Write statements that the server takes."""
    parts = []
    for template in draw(st.lists(st.sampled_from(TEMPLATES), min_size=1, max_size=6)):
        given = {each: draw(literal) for each in "ab"}
        given |= {"s": draw(space), "n": draw(name), "c": draw(nasty.map(standard))}
        parts.append(template.format(**given))
    return draw(space).join(parts)


@settings(patient, max_examples=25)
@given(working())
def test_the_database_is_the_same_as_after_psql(psql: Psql, script: str) -> None:
    path = psql.folder / "working.sql"
    path.write_bytes(script.encode())
    for database in ("through_psql", "through_us"):
        psql.empty(database)
        with psql.connect(database) as connection:
            connection.execute(BEFORE)
    words = ["-U", "postgres", "-d", "through_psql", "-v", "ON_ERROR_STOP=1", "-f", str(path)]
    assert psql.run(*words) == ""
    statements = split(script)
    refuse(statements, in_transaction=True)
    with psql.connect("through_us") as connection:
        for statement in statements:
            connection.execute(statement.text.encode())
        ours = connection.execute(STATE).fetchall()
    with psql.connect("through_psql") as connection:
        assert ours == connection.execute(STATE).fetchall()
