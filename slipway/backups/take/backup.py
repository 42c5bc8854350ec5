"""Taking a backup: dump, roles, and last the manifest, or nothing."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from slipway.backups.format import catalogue, encryption, manifest
from slipway.backups.format.encryption import Key
from slipway.backups.format.manifest import Manifest, Part
from slipway.backups.format.pipes import Checksum
from slipway.backups.take import dump, roles
from slipway.backups.take import snapshot as take_snapshot
from slipway.backups.take.dump import DumpFailed
from slipway.backups.take.lock import turn
from slipway.backups.take.row_counts import RowCounter
from slipway.backups.take.snapshot import Snapshot
from slipway.database.connection import PATIENCE, Connection, Server
from slipway.progress import Reporter
from slipway.storage.store import Store, StoreError, TooLarge

LOCK_WAIT = 60.0
MANIFEST_PAUSES = (1.0, 3.0, 6.0)  # seconds between tries: all is there but for its last word
WHAT = "backing up"


T = TypeVar("T")


class _Keep(Protocol):
    def __call__(self, key: str, put: Callable[[], T], /) -> T: ...


@dataclass(frozen=True)
class BackupSpec:
    """What the one who asks for a backup knows, and the database does not."""

    environment: str
    recipients: tuple[str, ...]
    release: int = 0
    commit: str = ""
    by: str = ""
    role_passwords: bool = False
    lock_wait: float = LOCK_WAIT
    patience: float = PATIENCE  # for a database that is starting


@dataclass(frozen=True)
class BackupResult:
    """A backup that is whole, and its key, which is nowhere else in the clear."""

    manifest: Manifest
    key: Key


@dataclass(frozen=True)
class DumpResult:
    """What the dump came to."""

    facts: Snapshot
    rows: dict[str, int | None]
    plain: Part
    sealed: Part


def take(
    server: Server,
    store: Store,
    wanted: BackupSpec,
    report: Reporter,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> BackupResult:
    """Take a backup. Whatever goes wrong, the store lists nothing new and keeps nothing new.

    Raises Busy while another one runs.
    """
    with _said(), turn(server, wanted.by, wanted.patience) as session:
        client = dump.client_version()
        if told := dump.judge_client(client, take_snapshot.server_version(session)):
            report.note(told)
        if told := dump.judge_marks(server, session):
            report.note(told)
        key, recipient = encryption.new_key()
        sealed_key = encryption.seal_key(key, wanted.recipients)
        sealed_roles = encryption.seal(
            roles.read(server, passwords=wanted.role_passwords), [recipient]
        )
        _sweep(store, report)
        name = manifest.new_id()
        taking = _Taking(server, session, store, name, recipient, wanted, report)
        with _whole_or_nothing(store, report) as keep:
            began = time.monotonic()
            dumped = keep(catalogue.dump_key(name), taking.dump)
            roles_key = catalogue.roles_key(name)
            keep(roles_key, lambda: store.put(roles_key, [sealed_roles]))
            seconds = round(time.monotonic() - began, 3)
            made = taking.describe(dumped, seconds, client, sealed_roles, sealed_key)
            keep(catalogue.manifest_key(name), lambda: _put_manifest(store, made, report, pause))
    return BackupResult(made, key)


@dataclass(frozen=True)
class _Taking:
    """One backup on its way into the store."""

    server: Server
    session: Connection
    store: Store
    name: str
    recipient: str
    wanted: BackupSpec
    report: Reporter

    def describe(
        self, dumped: DumpResult, seconds: float, client: str, sealed_roles: bytes, sealed_key: str
    ) -> Manifest:
        """Write down what was taken."""
        seen = dumped.facts
        return Manifest(
            id=self.name,
            environment=self.wanted.environment,
            database=self.server.database,
            created=manifest.written(self.name),
            seconds=seconds,
            release=self.wanted.release,
            commit=self.wanted.commit,
            server=seen.server,
            client=client,
            locale=seen.locale,
            extensions=seen.extensions,
            roles=seen.roles,
            tables=dumped.rows,
            unlogged=seen.unlogged,
            foreign=seen.foreign,
            large_objects=seen.large_objects,
            sequences=seen.sequences,
            migrations=seen.migrations,
            database_size=seen.size,
            plain=dumped.plain,
            dump=dumped.sealed,
            globals=_sum(sealed_roles),
            has_role_passwords=self.wanted.role_passwords,
            recipients=self.wanted.recipients,
            key=sealed_key,
        )

    def dump(self) -> DumpResult:
        """Dump; once more where the store had to plan for more than was guessed."""
        guess = 0
        while True:
            with take_snapshot.snapshot(self.session, self.wanted.lock_wait) as (snapshot, seen):
                # Compressed it is smaller; and the disk holds indexes, which are not dumped.
                guess = guess or seen.size // 2
                try:
                    return self._once(snapshot, seen, guess)
                except TooLarge as error:
                    if error.expected <= guess:
                        raise
                    guess = error.expected
                    self.report.note("it is larger than was planned for; beginning anew")

    def _once(self, snapshot: str, seen: Snapshot, guess: int) -> DumpResult:
        counting = RowCounter(self.server, snapshot, seen.tables)
        try:
            with dump.dumping(
                self.server,
                snapshot,
                self.recipient,
                major=int(seen.server.partition(".")[0]),
                lock_wait=self.wanted.lock_wait,
                first=counting.begin,
            ) as flow:
                self.store.put(
                    catalogue.dump_key(self.name), self._told(flow.chunks), expected=guess
                )
            rows = counting.rows(is_held=seen.is_held)
            for told in counting.failures():
                self.report.note(told)
        finally:
            counting.end()
        return DumpResult(seen, rows, flow.plain(), flow.sealed())

    def _told(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Pass a stream on and say how much there was; nobody knows how much it will be."""
        done = 0
        for chunk in chunks:
            yield chunk
            done += len(chunk)
            self.report.progress(WHAT, done, 0)


def _put_manifest(
    store: Store, made: Manifest, report: Reporter, pause: Callable[[float], None]
) -> None:
    """Write the word that makes it a backup; everything else is there, so try more than once."""
    for wait in (*MANIFEST_PAUSES, None):
        try:
            store.put(catalogue.manifest_key(made.id), [made.to_json().encode()])
            return
        except StoreError as error:
            if wait is None:
                raise
            report.note(f"{error}; trying the manifest again in {wait:.0f} s")
            pause(wait)


@contextlib.contextmanager
def _whole_or_nothing(store: Store, report: Reporter) -> "Iterator[_Keep]":
    """Take back what was stored when the block fails, the newest first."""
    kept: list[str] = []

    def keep(key: str, put: Callable[[], T]) -> T:
        kept.append(key)  # also one that failed: only the answer may have been lost
        return put()

    try:
        yield keep
    except BaseException:
        for key in reversed(kept):
            try:
                store.delete(key)
            except Exception:  # the failure that led here is the one to tell
                with contextlib.suppress(Exception):
                    report.note(f"{key} may have stayed in the store; it is no backup")
        raise


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """Turn a failure of our own session into a sentence."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        lines = (error.diag.message_primary or str(error)).strip().splitlines()
        reason = lines[0].strip() if lines else type(error).__name__
        raise DumpFailed(f"the database broke off, nothing was kept: {reason}") from None


def _sweep(store: Store, report: Reporter) -> None:
    try:
        swept = store.sweep()
    except StoreError as error:  # it hinders nothing; if the store is down, the dump will say so
        report.note(f"leftovers were not looked for: {error}")
        return
    if swept:
        report.note(f"removed what {swept} broken-off upload{'s' * (swept > 1)} left")


def _sum(data: bytes) -> Part:
    total = Checksum()
    total.add(data)
    return total.piece()
