"""psql beside a real database, typed at in a terminal as a person does."""

import contextlib
import os
import pty
import select
import signal
import time
from collections.abc import Iterator

import pytest

from slipway.client import psql
from slipway.client.container import Container
from slipway.hosts.local import LocalHost
from tests.integration.postgres_stack import PASSWORD, PostgresStack
from tests.waiting import wait_until

pytestmark = pytest.mark.engine


LISTS = r"cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\0' '\n'"


class Terminal:
    """A shell in a terminal of its own, spoken with as a person does."""

    def __init__(self, ops: str, *flags: str) -> None:
        argv = ["docker", "exec", "-it", ops, "python", "-m", "slipway.agent.shell", *flags]
        self.pid, self._end = pty.fork()
        if self.pid == 0:
            os.execvp(argv[0], argv)  # noqa: S606  a terminal of its own needs a fork

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def until(self, word: str, seconds: float = 120) -> str:
        """Read on until a word is there; return what was said since the last time."""
        deadline = time.monotonic() + seconds
        said = ""
        while word not in said:
            assert time.monotonic() < deadline, f"no {word!r} in {said!r}"
            if select.select([self._end], [], [], 0.2)[0]:
                said += os.read(self._end, 65536).decode(errors="replace")
        return said

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._end)


@contextlib.contextmanager
def terminal(ops: str, *flags: str) -> Iterator[Terminal]:
    made = Terminal(ops, *flags)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def prod(server: PostgresStack) -> Iterator[str]:
    with server.beside("--env", "ENVIRONMENT=prod") as there:
        yield there.ops


def test_a_shell_is_psql_on_a_terminal_that_says_where_it_is(server: PostgresStack) -> None:
    before = left(server)  # what somebody left there who was killed
    with terminal(server.ops) as person:
        assert "testing" in person.until("logbook=")
        person.type("select 6 * 7 as answer;\n")
        assert "42" in person.until("(1 row)")
        person.type("select pg_sleep(60);\n")
        time.sleep(0.5)
        person.type("\x03")
        person.until("canceling statement due to user request")
        shown = server.corner.docker("exec", server.ops, "sh", "-c", LISTS)
        assert "psql" in shown and PASSWORD not in shown
        person.type("\\q\n")
        wait_until("the end of psql", lambda: not psql_runs(server, server.ops))
    assert left(server) <= before


def test_in_prod_a_shell_only_reads_until_it_is_told_to_write(
    server: PostgresStack, prod: str
) -> None:
    place = Container(LocalHost("here"), prod, "prod")
    said: list[bytes] = []
    assert psql.run(place, "create table t (id int)", said.append, write=False) == 1
    assert b"cannot execute CREATE TABLE in a read-only transaction" in b"".join(said)
    assert psql.run(place, "create table t (id int); drop table t", said.append, write=True) == 0
    with terminal(prod) as person:
        shown = person.until("logbook=")
        assert "prod (reads only)" in shown and "\x1b[1;31m" in shown
    with terminal(prod, "--write") as person:
        assert "reads only" not in person.until("logbook=")


def test_a_command_of_psql_runs_and_its_output_is_passed_on(server: PostgresStack) -> None:
    said: list[bytes] = []
    place = Container(LocalHost("here"), server.ops, "testing")
    assert psql.run(place, "\\conninfo", said.append, write=False) == 0
    assert b'database "logbook"' in b"".join(said)


def test_a_shell_whose_person_is_gone_does_not_stay(server: PostgresStack) -> None:
    with terminal(server.ops, "--idle", "10") as person:
        person.until("logbook=")
    wait_until("the end of psql", lambda: not psql_runs(server, server.ops))


def left(server: PostgresStack) -> set[str]:
    """The files of a session that lie in the ops container."""
    find = "find /tmp /srv -name 'pgpass*' -o -name '.psql*'"
    return set(server.corner.docker("exec", server.ops, "sh", "-c", find).split())


def psql_runs(server: PostgresStack, ops: str) -> bool:
    return bool(server.corner.docker("exec", ops, "pgrep", "-x", "psql", check=False))
