"""What tests of restores share: people who come back, a look at what is there, bad moments."""

import subprocess
import time
from pathlib import Path
from typing import Any, TypeVar

from slipway.agent.messages.request import Reply, Request
from slipway.agent.messages.restore import RestoreReply, RestoreRequest
from slipway.client import call
from slipway.progress import Silent
from slipway.storage.folder import FolderStore
from tests.integration.backup_cases import KeyHolder, pid
from tests.integration.grants import grant_for
from tests.integration.postgres_stack import PASSWORD, PostgresStack

EVERYTHING = (Path(__file__).parent / "everything.sql").read_text()
R = TypeVar("R", bound=Reply)
PEOPLE = """
    create table schema_migrations (version varchar primary key);
    insert into schema_migrations values ('20260101000000');
    create table people (id bigint generated always as identity primary key, name text not null);
    insert into people (name) select 'ünï ' || n from generate_series(1, 1000) n;
    select lo_from_bytea(0, '\\x010203');
"""


def restore(
    place: PostgresStack, person: KeyHolder, store: FolderStore, name: str, **options: Any
) -> RestoreReply:
    key = person.open(store, name)
    return place.restore(RestoreRequest(id=name, key=key, **options), store)


def databases(place: PostgresStack) -> set[str]:
    rows = place.sql("select datname from pg_database", "postgres")
    return {row[0] for row in rows} - {"postgres", "template0", "template1"}


def count(place: PostgresStack, database: str = "") -> int:
    return int(place.sql("select count(*) from people", database)[0][0])


def way(place: PostgresStack, database: str = "") -> dict[str, Any]:
    server = place.server
    return {
        "host": server.host,
        "port": server.port,
        "dbname": database or server.database,
        "user": "logbook",
        "password": PASSWORD,
    }


def plain_dump(place: PostgresStack, *options: str) -> bytes:
    argv = ["docker", "exec", place.db, "pg_dump", "-U", "logbook", "-Fc", *options, "logbook"]
    return subprocess.run(argv, capture_output=True, check=True).stdout


def scratch(place: PostgresStack) -> str:
    """What lies in the scratch volume of ops, but for the lock."""
    found = place.corner.docker("exec", place.ops, "ls", "-A", "/var/lib/slipway").split()
    return " ".join(each for each in found if each != "lock")


class Killer(Silent):
    """Runs a restore and does something bad when it reaches a stage."""

    def __init__(
        self,
        place: PostgresStack,
        stage: str,
        *,
        later: float = 0,
        deed: Any = None,
    ) -> None:
        self._place, self._stage, self._later, self._deed = place, stage, later, deed
        self._pid = ""
        self.notes: list[str] = []

    def run(self, store: FolderStore, request: Request[R]) -> R:
        return call.call(self._place.place(), request, self, grant_for(request, store))

    def note(self, text: str) -> None:
        self.notes.append(text)
        self._reach(text.partition(" ")[0])

    def started(self, step: str, describe: str, usual: float = 0.0) -> None:
        self._reach(step)

    def _reach(self, stage: str) -> None:
        self._pid = self._pid or pid(self._place, "python -m slipway.agent")
        if stage != self._stage:
            return
        time.sleep(self._later)
        if self._deed:
            self._deed()
        else:
            subprocess.run(["kill", "-9", self._pid], check=True)
