"""The sample API while its database is swapped, away or not made yet: 503 at worst, soon well."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

import httpx
import pytest

from slipway.agent.messages.migrations import MigrateRequest
from slipway.client import reset
from slipway.database import swap
from slipway.project import COMPOSE
from tests.integration.docker_sandbox import DockerSandbox, base_image
from tests.integration.postgres_stack import PostgresStack, start
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
ACCOUNT = {"email": "ada@example.com", "name": "Ada", "password": "a long password"}
CLIENTS = 8


@dataclass(frozen=True)
class Seen:
    """One answer; a connection that broke is one with the status 0."""

    status: int
    retry_after: str


@dataclass
class Crowd:
    """People who ask for their entries and write one, all the time, each over one connection."""

    base: str
    cookie: str
    seen: list[Seen] = field(default_factory=list)
    _done: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        self.settle(200, 201)
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        with httpx.Client(base_url=self.base, timeout=30) as client:
            client.headers["Cookie"] = self.cookie
            while not self._done.is_set():
                self.seen.append(self._answer(client, "GET" if number % 2 else "POST"))
                time.sleep(0.01)

    def _answer(self, client: httpx.Client, method: str) -> Seen:
        entry = {"title": "One", "text": "two"} if method == "POST" else None
        try:
            answer = client.request(method, "/api/entries", json=entry)
        except httpx.TransportError:
            return Seen(0, "")
        return Seen(answer.status_code, answer.headers.get("retry-after", ""))

    def statuses(self) -> Counter[int]:
        return Counter(seen.status for seen in self.seen)

    def settle(self, *statuses: int) -> None:
        """Wait until everybody, from now on and several times over, got these answers alone."""
        asked, enough = len(self.seen), 5 * CLIENTS

        def settled() -> bool:
            recent = {seen.status for seen in self.seen[asked:][-enough:]}
            return len(self.seen) >= asked + enough and recent == set(statuses)

        wait_until(f"nothing but {statuses}", settled, self.statuses)


@pytest.fixture(scope="module")
def stage(module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory) -> PostgresStack:
    made = start(module_corner, tmp_path_factory.mktemp("stage"))
    made.call(MigrateRequest(migrations=reset.migrations()))
    return made


@pytest.fixture(scope="module")
def api(stage: PostgresStack, module_corner: DockerSandbox) -> Iterator[str]:
    """The API of this checkout, over HTTP."""
    base_image("python:3.13-slim-trixie")
    tag = f"{module_corner.app}/api"
    module_corner.docker(
        "build", "--quiet", "--label", module_corner.label, "--tag", tag, str(COMPOSE / "api")
    )
    folder = stage.server.password_file.parent
    key = folder / "SESSION_KEY"
    key.write_text("k" * 32)
    key.chmod(0o444)
    options = ["--network", stage.network, "--publish", "127.0.0.1::8000", "--init"]
    for path in (stage.server.password_file, key):
        options += ["--volume", f"{path}:/run/secrets/{path.name}:ro"]
    for setting in ("DATABASE_HOST=db", "DATABASE_NAME=logbook", "DATABASE_USER=logbook"):
        options += ["--env", setting]
    container = module_corner.run(tag, options=tuple(options))
    base = f"http://127.0.0.1:{module_corner.port(container, 8000)}"
    wait_until("it is ready", lambda: is_ready(base))
    yield base


@pytest.fixture(scope="module")
def crowd_of(api: str) -> Callable[[], Crowd]:
    answer = httpx.post(f"{api}/api/signup", json=ACCOUNT)
    assert answer.status_code == 201
    cookie = answer.headers["set-cookie"].partition(";")[0]
    return lambda: Crowd(api, cookie)


def is_ready(base: str) -> bool:
    try:
        return httpx.get(f"{base}/ready", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def test_under_load_a_swap_fails_no_request_for_good(
    stage: PostgresStack, crowd_of: Callable[[], Crowd]
) -> None:
    stage.sql("CREATE DATABASE other TEMPLATE template0", "postgres")
    with stage.server.named("other").connect() as connection:
        for text in reset.migrations().values():
            connection.execute(text.partition("-- migrate:down")[0].encode())
    with crowd_of() as crowd:
        swap.swap(stage.server, "other", "20261122T021500Z")
        crowd.settle(401)  # the other one has no sessions
        kept = "logbook__before_20261122T021500Z"
        swap.swap(stage.server, kept, "20261122T021501Z", kind="undone")
        crowd.settle(200, 201)
    statuses = crowd.statuses()
    assert set(statuses) <= {200, 201, 401, 503}, statuses
    assert all(seen.retry_after for seen in crowd.seen if seen.status == 503)


def test_a_database_without_tables_is_no_failure_of_the_api(stage: PostgresStack, api: str) -> None:
    stage.sql("ALTER TABLE accounts RENAME TO hidden")
    try:
        answer = httpx.post(f"{api}/api/signup", json=ACCOUNT | {"email": "b@example.com"})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
    finally:
        stage.sql("ALTER TABLE hidden RENAME TO accounts")


def test_a_database_that_only_reads_is_no_failure_of_the_api_and_is_written_to_again(
    stage: PostgresStack, crowd_of: Callable[[], Crowd]
) -> None:
    with crowd_of() as crowd:
        stage.sql("ALTER DATABASE logbook SET default_transaction_read_only = on")
        try:
            stage.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                      " WHERE application_name = 'logbook-api'")  # fmt: skip
            crowd.settle(200, 503)  # every connection of the pool is one that only reads
        finally:
            with stage.server.connect() as connection:
                connection.execute(
                    "SET transaction_read_only = off; SET default_transaction_read_only = off"
                )
                connection.execute("ALTER DATABASE logbook RESET default_transaction_read_only")
        crowd.settle(200, 201)
    assert set(crowd.statuses()) <= {200, 201, 503}, crowd.statuses()


# The last: the port of a server that was stopped is another one.
def test_a_server_that_starts_anew_is_told_as_away_and_used_again(
    stage: PostgresStack, api: str, crowd_of: Callable[[], Crowd]
) -> None:
    with crowd_of() as crowd:
        stage.corner.docker("stop", "--time", "5", stage.db)
        answer = httpx.get(f"{api}/ready", timeout=30)
        assert answer.status_code == 503
        assert answer.json() == {
            "ready": False,
            "reason": "The database does not answer just now; try again in a moment.",
        }
        assert httpx.get(f"{api}/up").status_code == 200
        crowd.settle(503)
        stage.corner.docker("start", stage.db)
        crowd.settle(200, 201)
    assert set(crowd.statuses()) <= {200, 201, 503}, crowd.statuses()
    assert all(seen.retry_after for seen in crowd.seen if seen.status == 503)
