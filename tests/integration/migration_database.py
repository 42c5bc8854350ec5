"""A database of its own for one test of migrations, and ways to disturb what runs on it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from slipway.database.connection import Server
from slipway.migrations import files, runner, status
from slipway.migrations.options import MigrationOptions
from slipway.migrations.status import MigrationStatus
from slipway.project import ROOT
from tests.fakes.reporter import RecordingReporter
from tests.integration.postgres_stack import PASSWORD, PostgresStack

Texts = dict[str, str]
DBMATE = Path(sys.executable).with_name("dbmate")


class MigrationDatabase:
    """An empty database of its own, migrated from here as the engine inside would."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.heard = RecordingReporter()

    def migrate(self, texts: Texts, **wish: Any) -> list[str]:
        self.heard = RecordingReporter()
        found = files.from_texts(texts)
        done = runner.migrate(
            self.server, found, self.heard, MigrationOptions(by="ann@laptop", **wish)
        )
        return [each.filename for each in done]

    def roll_back(self, texts: Texts, steps: int = 1, **wish: Any) -> list[str]:
        found = files.from_texts(texts)
        done = runner.roll_back(self.server, found, self.heard, MigrationOptions(**wish), steps)
        return [each.filename for each in done]

    def status(self, texts: Texts) -> MigrationStatus:
        return status.status(self.server, files.from_texts(texts))

    def sql(self, text: str) -> list[Any]:
        with self.server.connect(application="a test") as connection:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

    def tables(self) -> set[str]:
        found = self.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in found} - {"schema_migrations"}

    def applied(self) -> list[str]:
        return [name for (name,) in self.sql("SELECT * FROM schema_migrations ORDER BY 1")]

    def begin(self, texts: Texts, **given: Any) -> "subprocess.Popen[str]":
        """Start a run as a process of its own, as in a container."""
        server = self.server
        settings = {
            "ENVIRONMENT": "testing",
            "DATABASE_HOST": server.host,
            "DATABASE_PORT": str(server.port),
            "DATABASE_NAME": server.database,
            "DATABASE_USER": server.user,
            "DATABASE_PASSWORD_FILE": str(server.password_file),
        }
        words = ["migrate", "--given", json.dumps({"migrations": texts, **given})]
        return subprocess.Popen(
            [sys.executable, "-m", "slipway.agent", *words],
            cwd=ROOT,
            env=os.environ | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill_during(self, texts: Texts, query: str) -> None:
        """Start a run and kill it -9 while the server works on a query."""
        process = self.begin(texts)
        self.wait_for_query(query)
        process.send_signal(signal.SIGKILL)
        process.communicate()

    def wait_for_query(self, query: str) -> int:
        """Wait until the server works on such a query; return the session's pid."""
        ask = "SELECT pid, query FROM pg_stat_activity WHERE state = 'active'"
        busy = until(lambda: [pid for pid, text in self.sql(ask) if query in text])
        return int(busy[0])


def until(ask: Callable[[], Any], patience: float = 120) -> Any:
    deadline = time.monotonic() + patience
    while not (answer := ask()):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)
    return answer


def up(text: str, down: str = "", *, whole: bool = True) -> str:
    option = "" if whole else " transaction:false"
    back = f"\n-- migrate:down{option}\n{down}\n" if down else ""
    return f"-- migrate:up{option}\n{text}\n{back}"


ONE = {"1_a.sql": up("CREATE TABLE a (n int);", "DROP TABLE a;")}
TWO = ONE | {"2_b.sql": up("CREATE TABLE b (n int);", "DROP TABLE b;")}


def at_once(count: int, act: Callable[[], Any]) -> list[Any]:
    """Do something in many threads that begin together; return what each came to."""
    results: list[Any] = []
    gate = threading.Barrier(count)

    def run() -> None:
        gate.wait()
        results.append(act())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(300)
    return results


def in_background(act: Callable[[], Any]) -> Callable[[], Any]:
    """Begin something in a thread; what is returned waits for it and gives its end."""
    end: list[Any] = []

    def run() -> None:
        try:
            end.append((act(), None))
        except Exception as error:
            end.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()

    def result() -> Any:
        thread.join(300)
        value, error = end[0]
        if error is not None:
            raise error
        return value

    return result


@pytest.fixture
def db(place: PostgresStack, request: pytest.FixtureRequest) -> Iterator[MigrationDatabase]:
    """A database of a test's own, on the server of its file."""
    with fresh(place, request.node.name) as made:
        yield made


@contextmanager
def fresh(place: PostgresStack, test: str) -> Iterator[MigrationDatabase]:
    """Make an empty database for a test, and drop it again."""
    name = f"t{zlib.crc32(test.encode())}"
    place.sql(f"CREATE DATABASE {name}", "postgres")
    yield MigrationDatabase(place.server.named(name))
    place.sql(f"DROP DATABASE {name} WITH (FORCE)", "postgres")


def dbmate(server: Server, folder: Path, *words: str) -> str:
    """Run dbmate on a folder and a database; return what it says."""
    user = f"{server.user}:{quote(PASSWORD, safe='')}"
    url = f"postgres://{user}@{server.host}:{server.port}/{server.database}?sslmode=disable"
    argv = [str(DBMATE), "--migrations-dir", str(folder), "--no-dump-schema", *words]
    env = os.environ | {"DATABASE_URL": url}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def written(folder: Path, texts: Texts) -> Path:
    """Write migrations as files."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder
