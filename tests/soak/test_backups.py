"""A database of many gigabytes is backed up, verified and restored within little memory."""

import threading
from pathlib import Path
from typing import Self

import pytest

from slipway.agent.messages.restore import RestoreRequest
from slipway.storage.folder import FolderStore
from tests.integration.backup_cases import NOISE, NOISY, KeyHolder
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.postgres_stack import PostgresStack
from tests.soak.rows import Rows

pytestmark = pytest.mark.engine
MB = 1_000_000
# cgroup v1, then v2; what programs have taken of the container's memory, without cached files.
MEMORY = (
    "awk '$1 == \"rss\" {print $2}' /sys/fs/cgroup/memory/memory.stat 2>/dev/null"
    " || awk '$1 == \"anon\" {print $2}' /sys/fs/cgroup/memory.stat"
)


class MemoryWatch:
    """The most memory that the programs of a container held, as looked at twice a second."""

    def __init__(self, corner: DockerSandbox, container: str) -> None:
        self.highest = 0
        self._corner, self._container = corner, container
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            out = self._corner.docker("exec", self._container, "sh", "-c", MEMORY)
            self.highest = max(self.highest, int(out))


def test_a_large_backup_is_taken_verified_and_restored_within_little_memory(
    place: PostgresStack, person: KeyHolder, rows: Rows, size: dict[str, float], tmp_path: Path
) -> None:
    store = FolderStore(tmp_path / "backups" / "testing", "backups/testing")
    amount = f"{size['SOAK_GB']:g} GB"
    with rows.measure("a large database is made", amount) as row:
        count = fill(place, size["SOAK_GB"])
        row.result = f"{count} rows"
    with MemoryWatch(place.corner, place.ops) as memory:
        with rows.measure("it is backed up", amount) as row:
            name = person.take(place, store)
            stored = sum(entry.size for entry in store.entries(f"{name}."))
            row.result = f"{stored / MB:.0f} MB in the store"
        with rows.measure("its backup is verified", amount) as row:
            assert person.verify(place, store, name).ok
            row.result = "every byte was read"
        with rows.measure("it is restored", amount) as row:
            request = RestoreRequest(
                environment=place.environment, id=name, key=person.open(store, name)
            )
            reply = place.restore(request, store)
            assert place.sql("select count(*) from noise") == [(count,)]
            assert reply.kept, "the database of before is kept beside it"
            row.result = f"{reply.rows} rows, swapped in {reply.swap_seconds:.2f} s"
    with rows.measure("memory of all three", amount) as row:
        row.result = f"{memory.highest / MB:.0f} MB at most"
        assert 0 < memory.highest < 500 * MB


def fill(place: PostgresStack, gigabytes: float) -> int:
    """Fill the database with noise of so many gigabytes; return the number of rows."""
    place.sql(NOISE)
    ((once,),) = place.sql("select pg_total_relation_size('noise')")
    for _ in range(round(gigabytes * 1000 * MB / once) - 1):
        place.sql(f"insert into noise select a from noise limit {NOISY}")  # noqa: S608  a constant
    ((count,),) = place.sql("select count(*) from noise")
    return int(count)
