"""What tests of backups share: a person, a database that holds much, a backup under way."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.agent.messages.backups import BackupProof, BackupReply, BackupRequest, VerifyRequest
from slipway.backups.format import catalogue, encryption
from slipway.backups.format.encryption import Key
from slipway.errors import SlipwayError
from slipway.storage.s3 import S3Access, S3Store
from slipway.storage.store import Store
from tests.fakes.s3server import S3Server
from tests.integration.postgres_stack import PostgresStack

NOISY = 900  # rows
# Not compressed in the table, where that would cost ten times as much as all the rest.
NOISE = f"""
    create table noise (a text storage external);
    insert into noise
    select (select string_agg(sha512(concat(n, '.', m)::bytea)::text, '')
            from generate_series(1, 500) m)
    from generate_series(1, {NOISY}) n
"""  # noqa: S608 - 58 MB, of which 29 are stored: more than all pipes together hold


UNTETHERED = ["python", "-m", "slipway.agent", "backup", "--given"]


@dataclass(frozen=True)
class KeyHolder:
    """Somebody who may open backups, and takes them."""

    key: Key
    recipient: str

    def take(self, place: PostgresStack, store: Store | None, **options: Any) -> str:
        """Take a backup; return its id."""
        fields = {"recipients": (self.recipient,), "by": "ada@lovelace", **options}
        reply = place.call(BackupRequest(**fields), store)
        assert isinstance(reply, BackupReply)
        return reply.backup.id

    def open(self, store: Store, name: str) -> Key:
        sealed = catalogue.get(store, name).manifest.key
        return Key(encryption.unseal(sealed.encode(), self.key).decode().strip())

    def verify(self, place: PostgresStack, store: Store, name: str) -> BackupProof:
        keys = {name: self.open(store, name)}
        return place.call(VerifyRequest(keys), store).proofs[0]


class RunningBackup:
    """A backup in a thread, so that a test can do something to it in the middle."""

    def __init__(
        self, person: KeyHolder, place: PostgresStack, store: Store, **options: Any
    ) -> None:
        self._work: Callable[[], str] = lambda: person.take(place, store, **options)
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.error = error

    def fails(self) -> str:
        self._thread.join(300)
        assert isinstance(self.error, SlipwayError), self.error
        return str(self.error)


def keys(store: Store) -> list[str]:
    return [entry.key for entry in store.entries()]


def processes(place: PostgresStack) -> str:
    """Everything that runs in the ops container, but for what waits there."""
    return place.corner.docker("top", place.ops, "-eo", "pid,args")


def pid(place: PostgresStack, program: str) -> str:
    """The process of a program in the ops container, as this computer numbers it."""
    lines = [line.split(None, 1) for line in processes(place).splitlines()[1:]]
    named = (number for number, argv in lines if argv.split()[0].endswith(f"/{program}"))
    return next(named, "") or next(n for n, argv in lines if argv.startswith(program))


def wait(what: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def loop(place: PostgresStack, times: int, line: str, at_once: int = 500) -> None:
    """Run a line for each number; a transaction of too many would run out of locks itself."""
    body = f"execute format('{line}', n); end loop; end $$"
    for start in range(0, times, at_once):
        place.sql(f"do $$ begin for n in {start} .. {start + at_once - 1} loop {body}")


@contextmanager
def with_s3(
    place: PostgresStack, folder: Path, bucket: str, s3: S3Server, pair: tuple[str, str]
) -> Iterator[PostgresStack]:
    """The same database with an ops container that has a store of its own."""
    folder.mkdir()
    options = []
    for name, value in zip(("BACKUP_S3_KEY", "BACKUP_S3_SECRET"), pair, strict=True):
        (folder / name).write_text(value)
        options += ["--volume", f"{folder / name}:/run/secrets/{name}:ro"]
    settings = [f"BACKUP_STORE=s3://{bucket}/logbook", f"BACKUP_S3_REGION={s3.region}"]
    settings += [f"BACKUP_S3_ENDPOINT={s3.endpoint_from_containers(place.gateway)}"]
    options += [word for each in settings for word in ("--env", each)]
    with place.beside(*options) as there:
        yield there


def far(
    s3: S3Server, bucket: str, endpoint: str, secret: str = "", folder: str = "logbook"
) -> S3Store:
    access = S3Access(
        access_key=lambda: s3.access_key,
        secret_key=lambda: secret or s3.secret_key,
        endpoint=endpoint,
        region=s3.region,
    )
    return S3Store(bucket, f"{folder}/testing", access)


def literal(text: str) -> str:
    return "e'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
