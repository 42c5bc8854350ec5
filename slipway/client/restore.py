"""Restores and drills from the operator's side: which backup, opened with whose key, from where."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slipway.agent.messages.restore import (
    DrillReply,
    DrillRequest,
    RestorePlan,
    RestoreReply,
    RestoreRequest,
    UndoReply,
    UndoRequest,
)
from slipway.backups.format import catalogue
from slipway.backups.format.catalogue import StoredBackup
from slipway.backups.format.encryption import Key
from slipway.backups.format.manifest import ID
from slipway.backups.format.signature import ANYBODY
from slipway.backups.restore.spec import RestoreSpec
from slipway.client import backups, grant, keys, signing
from slipway.client.grant import Grant
from slipway.client.pitr import recovery
from slipway.client.session import Session
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, Refused, SlipwayError, UsageError
from slipway.progress import Reporter
from slipway.project import ROOT
from slipway.secrets import sops
from slipway.storage.folder import FolderStore
from slipway.storage.open import open_store
from slipway.storage.store import Store
from slipway.text_file import read_utf8

FOLDER = ROOT / "backups"
DISK = 'df -Pk "$PGDATA" | tail -n 1'
FOREIGN = (".sql", ".gz", ".tar")
STORE_KEYS = ("BACKUP_S3_KEY", "BACKUP_S3_SECRET", "BACKUP_S3_CA")


@dataclass(frozen=True)
class RestoreOptions:
    """The flags of a restore."""

    backup: str = "latest"
    origin: str = ""  # another environment, whose backup it is
    table: str = ""
    into: str = ""
    to_time: str = ""
    create_roles: bool = False
    untrusted: bool = False
    plan: bool = False

    @property
    def replaces(self) -> bool:
        """Whether the live database is to be replaced."""
        return not (self.into or self.plan)


def restore(
    session: Session, options: RestoreOptions, reporter: Reporter
) -> RestoreReply | RestorePlan:
    """Restore what the options choose, while nobody deploys."""
    _check(options)
    spec = RestoreSpec(
        environment=session.env.name,
        into=options.into,
        origin=options.origin,
        tables=[name.strip() for name in options.table.split(",") if name.strip()],
        create_roles=options.create_roles,
        scrub=read_sql(session.env, "scrub"),
        room=room(session),
        untrusted=options.untrusted,
    )
    with session.locked("restoring the database", needed=options.replaces):
        if options.to_time:
            return recovery.recover(session, options.to_time, spec, reporter)
        with _chosen(session, options, reporter) as source:
            request = RestoreRequest(
                **vars(spec),
                id=source.id,
                key=source.key,
                file=source.file,
                plan=options.plan,
            )
            return session.call(request, reporter, source.grant)


def undo(session: Session, options: RestoreOptions, reporter: Reporter) -> UndoReply:
    """Swap the database that the last restore replaced back, while nobody deploys."""
    if options != RestoreOptions():
        raise UsageError("--undo swaps back what the last restore replaced; use it alone")
    with session.locked("undoing a restore"):
        return session.call(UndoRequest(session.env.name), reporter)


def drill(session: Session, which: str, reporter: Reporter) -> DrillReply:
    """Prove a backup by restoring it into a throw-away database."""
    if which == "all":
        raise UsageError("--backup=all: a drill proves one backup; give its id, or latest")
    listing = backups.read_list(session, reporter)
    row = backups.choose_one(listing, which, reporter)
    key, smoke = backups.unlock(session.env, row, reporter), read_sql(session.env, "smoke")
    request, store = DrillRequest(id=row.id, key=key, smoke=smoke), backups.store_here(session.env)
    before = catalogue.drilled_before(listing.backups, row.id)
    granted = grant.to_drill(store, row.id, before.id if before else "") if store else None
    return session.call(request, reporter, granted)


def room(session: Session) -> int | None:
    """Look how much the disk of the database still takes; unknown where that is elsewhere."""
    with contextlib.suppress(SlipwayError, ValueError, IndexError):
        there = session.database
        argv = ["docker", "exec", there.container, "sh", "-c", DISK]
        return int(there.host.run(argv, timeout=20).out.split()[3]) * 1024
    return None


def _check(options: RestoreOptions) -> None:
    if options.to_time and (options.origin or options.backup != "latest"):
        raise UsageError("--to-time chooses its backup itself; leave --backup and --origin out")
    if options.to_time and options.plan:
        raise UsageError("--plan shows the restore of a backup; --to-time has none yet")
    if options.table and not options.table.replace(",", "").strip():
        raise UsageError(f"--table={options.table!a} names no table")
    if options.table and not options.into:
        raise UsageError("single tables are restored into a new database only: add --into=NAME")


@dataclass(frozen=True)
class _Source:
    """What is restored: a backup by its id and key, or a file; `grant` lets it be read here."""

    grant: Grant | None
    id: str = ""
    key: Key | None = None
    file: str = ""


@contextlib.contextmanager
def _chosen(session: Session, options: RestoreOptions, reporter: Reporter) -> Iterator[_Source]:
    """Find what the options choose, and keep its store open for a block."""
    which, origin = options.backup, options.origin
    if which != "latest" and not ID.fullmatch(which):
        env = environment.load(origin) if origin else session.env
        yield _file(env, Path(which).expanduser(), reporter, untrusted=options.untrusted)
    elif origin and origin != session.env.name:
        other = environment.load(origin)
        with _store_of(other) as store:
            trust = ANYBODY if options.untrusted else signing.trust(other)
            backup = catalogue.find(store, which, trust, reporter=reporter)
            granted = grant.to_restore(store, backup.id)
            yield _Source(granted, backup.id, _unlock(other, backup, reporter))
    else:
        listing = backups.read_list(session, reporter)
        row = backups.choose_one(listing, which, reporter, untrusted=options.untrusted)
        key = backups.unlock(session.env, row, reporter)
        here = backups.store_here(session.env)
        yield _Source(grant.to_restore(here, row.id) if here else None, row.id, key)


def _file(env: Environment, path: Path, reporter: Reporter, *, untrusted: bool) -> _Source:
    """Take a file of this computer: a backup with its manifest beside it, or any other dump."""
    if not path.is_file():
        raise UsageError(
            f"--backup={str(path)[:200]} is none of: latest, an id of inv db.backups, a file"
        )
    if path.suffix in FOREIGN and not _begins_as_dump(path):
        raise UsageError(
            f"{path.name} is no backup, and not as pg_dump -Fc writes one; import it: "
            f"inv db.import --from={path}"
        )
    path = path.resolve()
    folder = path.parent
    store, trust = FolderStore(folder, str(folder)), signing.trust(env)
    name = path.name.partition(".")[0]
    if path.name == catalogue.dump_key(name) and (folder / catalogue.manifest_key(name)).is_file():
        backup = catalogue.get(store, name, ANYBODY if untrusted else trust)
        return _Source(grant.to_restore(store, name), name, _unlock(env, backup, reporter))
    if trust.is_required and not untrusted:
        raise Refused(
            f"{path.name} is no backup of {env.name}, so it has no signature, and what it holds "
            "would run in the database; nothing was changed. You know what it is? Add --untrusted"
        )
    return _Source(grant.to_read_file(store, path.name), file=path.name)


def _begins_as_dump(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(5) == b"PGDMP"


@contextlib.contextmanager
def _store_of(other: Environment) -> Iterator[Store]:
    """Open another environment's store from here: its backup comes through this computer."""
    if store := backups.store_here(other):
        yield store
        return
    values = sops.read(other)
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        for name in STORE_KEYS:
            if name in values:
                path = Path(folder, name)
                path.touch(mode=0o600)
                path.write_text(values[name].reveal())
        yield open_store(other.settings, other.name, Path(folder))


def _unlock(env: Environment, backup: StoredBackup, reporter: Reporter) -> Key:
    return keys.unlock(env, backup.manifest.key, backup.manifest.recipients, reporter)


def read_sql(env: Environment, name: str) -> str:
    """Read the project's SQL for an environment, or for all of them; nothing when there is none."""
    for path in (FOLDER / f"{name}.{env.name}.sql", FOLDER / f"{name}.sql"):
        if path.is_file():
            try:
                return read_utf8(path, f"backups/{path.name}")
            except ConfigError as error:
                raise Refused(f"{error}; nothing was changed") from None
    return ""
