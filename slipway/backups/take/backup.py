"""Taking a backup: dump, roles, and last the manifest, or nothing."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from slipway.backups.format import catalogue, encryption
from slipway.backups.format.encryption import Key
from slipway.backups.format.manifest import Manifest, Part, new_id, sized, written
from slipway.backups.format.pipes import Checksum
from slipway.backups.format.signature import ANYBODY, Trust
from slipway.backups.take import dump, lock, roles
from slipway.backups.take import snapshot as snapshots
from slipway.backups.take.dump import DumpFailed
from slipway.backups.take.row_counts import RowCounter
from slipway.backups.take.snapshot import Snapshot
from slipway.backups.take.spec import BackupPreview, BackupResult, BackupSpec, DumpResult
from slipway.database.connection import Connection, Server
from slipway.errors import SlipwayError, first_line
from slipway.plan import Plan, Step
from slipway.progress import Reporter
from slipway.storage.store import Store, StoreError, TooLarge

MANIFEST_PAUSES = (1.0, 3.0, 6.0)  # seconds between tries: nothing else is missing by then
WHAT = "backing up"


@dataclass
class Backup:
    """The state of one backup; each method of its plan is a step.

    Whatever goes wrong, the store lists nothing new and keeps nothing new: the manifest, without
    which the rest is no backup, is stored last.
    """

    server: Server
    store: Store
    spec: BackupSpec
    reporter: Reporter
    trust: Trust = ANYBODY  # who signs it
    pause: Callable[[float], None] = time.sleep
    session: Connection = field(init=False)  # with the lock that keeps other backups out
    client: str = field(init=False)  # version of pg_dump
    recipient: str = field(init=False)  # of this backup's own key
    key: Key = field(init=False)
    sealed_key: str = field(init=False)
    sealed_roles: bytes = field(init=False)
    dumped: DumpResult = field(init=False)
    began: float = field(init=False)
    manifest: Manifest = field(init=False)

    def __post_init__(self) -> None:
        self.id = self.spec.backup_id or new_id()

    def run(self) -> BackupResult:
        """Run the plan while nobody else backs up this database. Raises Busy when somebody does."""
        with _translated(), lock.held(self.server, self.spec.by, self.spec.patience) as session:
            self.session = session
            self.plan().run(self.reporter)
        return BackupResult(self.manifest, self.key)

    def preview(self) -> BackupPreview:
        """Check what a backup would need; change nothing."""
        session = self.server.connect(patience=self.spec.patience, application=lock.APPLICATION)
        with _translated(), session as self.session:
            return BackupPreview(self.plan(), self.warnings())

    def plan(self) -> Plan:
        """Return the steps; what was stored is removed again when a later step fails."""
        store = self.store.name
        steps = [
            Step("check", "check versions and recipients, read the roles", self.check),
            Step("dump", f"dump, decode, encrypt, store in {store}", self.dump, self.remove_dump),
            Step("roles", "store the roles, encrypted", self.store_roles, self.remove_roles),
            Step(
                "manifest",
                "store the manifest, which makes it a backup",
                self.store_manifest,
                self.remove_manifest,
            ),
        ]
        return Plan(f"back up {self.server.database} to {store}", steps)

    # The steps

    def check(self) -> str:
        """Find out what hinders a backup before anything is stored."""
        self.trust.require_signer()
        for note in self.warnings():
            self.reporter.note(note)
        self.key, self.recipient = encryption.new_key()
        self.sealed_key = encryption.seal_key(self.key, self.spec.recipients)
        sql = roles.read(self.server, passwords=self.spec.role_passwords)
        self.sealed_roles = encryption.seal(sql, [self.recipient])
        return f"encrypted for {len(self.spec.recipients)}"

    def dump(self) -> str:
        """Dump; once more where the store had to plan for more bytes than expected."""
        self.id = self.spec.backup_id or new_id()  # the moment whose data it holds
        _sweep(self.store, self.reporter)
        self.began = time.monotonic()
        expected = 0
        while True:
            with snapshots.snapshot(self.session, self.spec.lock_wait) as (name, facts):
                # Compressed it is smaller; and the disk holds indexes, which are not dumped.
                expected = expected or facts.size // 2
                try:
                    self.dumped = self._dump_snapshot(name, facts, expected)
                except TooLarge as error:
                    if error.expected <= expected:
                        raise
                    expected = error.expected
                    self.reporter.note("it is larger than expected; starting again")
                else:
                    return f"{sized(self.dumped.sealed.size)} stored"

    def store_roles(self) -> None:
        self.store.put(catalogue.roles_key(self.id), [self.sealed_roles])

    def store_manifest(self) -> str:
        """Store what makes it a backup; everything else is there, so try more than once."""
        self.manifest = self._describe()
        text = self.manifest.to_json(self.trust)
        for wait in (*MANIFEST_PAUSES, None):
            try:
                self.store.put(catalogue.manifest_key(self.id), [text.encode()])
                break
            except StoreError as error:
                if wait is None:
                    raise
                self.reporter.note(f"{error}; retrying the manifest in {wait:.0f} s")
                self.pause(wait)
        return self.id

    def remove_dump(self) -> None:
        self._remove(catalogue.dump_key(self.id))

    def remove_roles(self) -> None:
        self._remove(catalogue.roles_key(self.id))

    def remove_manifest(self) -> None:
        self._remove(catalogue.manifest_key(self.id))

    # What the steps are made of

    def warnings(self) -> list[str]:
        """Warn of what may hinder a restore. Raises Refused for a client that is too old."""
        self.client = dump.client_version()
        version = snapshots.server_version(self.session)
        notes = [dump.judge_client(self.client, version)]
        if self.client != version:  # a pg_dump of the server's own release knows its marks
            notes.append(dump.judge_marks(self.server, self.session))
        return [note for note in notes if note]

    def _remove(self, key: str) -> None:
        """Remove an object, also one whose storing failed: only the answer may have been lost."""
        try:
            self.store.delete(key)
        except Exception as error:
            raise SlipwayError(f"{key} may be left in the store; it is no backup") from error

    def _dump_snapshot(self, name: str, facts: Snapshot, expected: int) -> DumpResult:
        counter = RowCounter(self.server, name, facts.tables)
        major, lock_wait = int(facts.server.partition(".")[0]), self.spec.lock_wait
        dumping = dump.dumping(
            self.server, name, self.recipient, major=major, lock_wait=lock_wait, first=counter.begin
        )
        try:
            with dumping as stream:
                chunks = self._report_chunks(stream.chunks)
                self.store.put(catalogue.dump_key(self.id), chunks, expected=expected)
            rows = counter.rows(is_held=facts.is_held)
            for failure in counter.failures():
                self.reporter.note(failure)
        finally:
            counter.end()
        return DumpResult(facts, rows, stream.plain(), stream.sealed())

    def _report_chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Pass a stream on and report how much there was; nobody knows how much it will be."""
        count = 0
        for chunk in chunks:
            yield chunk
            count += len(chunk)
            self.reporter.progress(WHAT, count, 0)

    def _describe(self) -> Manifest:
        facts, dumped = self.dumped.facts, self.dumped
        return Manifest(
            id=self.id,
            environment=self.spec.environment,
            database=self.server.database,
            created=written(self.id),
            seconds=round(time.monotonic() - self.began, 3),
            release=self.spec.release,
            commit=self.spec.commit,
            server=facts.server,
            client=self.client,
            locale=facts.locale,
            extensions=facts.extensions,
            roles=facts.roles,
            tables=dumped.rows,
            unlogged=facts.unlogged,
            foreign=facts.foreign,
            large_objects=facts.large_objects,
            sequences=facts.sequences,
            migrations=facts.migrations,
            database_size=facts.size,
            plain=dumped.plain,
            dump=dumped.sealed,
            globals=_sum(self.sealed_roles),
            has_role_passwords=self.spec.role_passwords,
            recipients=self.spec.recipients,
            key=self.sealed_key,
        )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn a failure of our own session into a sentence."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        reason = first_line(error.diag.message_primary or error)
        raise DumpFailed(f"the database connection failed, nothing was kept: {reason}") from None


def _sweep(store: Store, reporter: Reporter) -> None:
    """Remove what interrupted uploads left."""
    try:
        count = store.sweep()
    except StoreError as error:  # it hinders nothing; if the store is down, the dump will say so
        reporter.note(f"could not look for leftovers of interrupted uploads: {error}")
        return
    if count:
        reporter.note(f"removed what {count} interrupted upload{'s' * (count > 1)} left")


def _sum(data: bytes) -> Part:
    checksum = Checksum()
    checksum.add(data)
    return checksum.piece()
