"""A person's side of restores and drills: which backup, opened with whose key, sent from where."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from slipway.backups.format import catalogue
from slipway.backups.format.catalogue import StoredBackup
from slipway.backups.format.manifest import ID
from slipway.client import backups, keys
from slipway.client.container import Container
from slipway.client.pitr import recovery
from slipway.cluster import lease
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import Refused, UsageError
from slipway.hosts.host import Host
from slipway.progress import Reporter
from slipway.project import ROOT
from slipway.secrets import sops
from slipway.storage.folder import FolderStore
from slipway.storage.open import open_store
from slipway.storage.store import Store

FOLDER = ROOT / "backups"
STORE_KEYS = ("BACKUP_S3_KEY", "BACKUP_S3_SECRET", "BACKUP_S3_CA")


@dataclass(frozen=True)
class RestoreOptions:
    """What a person asked of a restore, flag by flag."""

    backup: str = "latest"
    origin: str = ""  # another environment, whose backup it is
    table: str = ""
    into: str = ""
    to_time: str = ""
    create_roles: bool = False
    plan: bool = False

    @property
    def replaces(self) -> bool:
        """Whether the live database is to be replaced."""
        return not (self.into or self.plan)


class There(Protocol):
    """A place beside a database; `manager` is None for the hacking loop."""

    @property
    def env(self) -> Environment: ...

    @property
    def place(self) -> Container: ...

    @property
    def database(self) -> Container: ...

    @property
    def manager(self) -> Host | None: ...

    def do(
        self, verb: str, given: Mapping[str, Any], report: Reporter, store: Store | None = None
    ) -> dict[str, Any]: ...


def restore(there: There, wish: RestoreOptions, report: Reporter) -> dict[str, Any]:
    """Restore what a person chose, while nobody deploys; return what is told of it."""
    _check(wish)
    given = {
        "environment": there.env.name,
        "into": wish.into,
        "origin": wish.origin,
        "tables": [name.strip() for name in wish.table.split(",") if name.strip()],
        "create_roles": wish.create_roles,
        "scrub": sql_of(there.env, "scrub"),
        "plan": wish.plan,
    }
    with _alone(there, "restoring the database", needed=wish.replaces):
        if wish.to_time:
            return recovery.recover(there, wish.to_time, given, report)
        with _chosen(there, wish, report) as (asked, store):
            return there.do("restore", {**given, **asked}, report, store)


def undo(there: There, wish: RestoreOptions, report: Reporter) -> dict[str, Any]:
    """Swap the database that the last restore replaced back, while nobody deploys."""
    if wish != RestoreOptions():
        raise UsageError("--undo goes back to what the last restore replaced; give it alone")
    with _alone(there, "undoing a restore"):
        return there.do("undo", {"environment": there.env.name}, report)


def drill(there: There, which: str, report: Reporter) -> dict[str, Any]:
    """Prove a backup by restoring it beside everything; return what was found."""
    if which == "all":
        raise UsageError("--backup=all: a drill proves one backup; give its id, or latest")
    row = backups.choose_one(backups.listed(there, report), which, report)
    key = backups.unlock(there.env, row)
    given = {"id": row["id"], "key": key, "smoke": sql_of(there.env, "smoke")}
    return there.do("drill", given, report, backups.store_here(there.env))


def _check(wish: RestoreOptions) -> None:
    if wish.to_time and (wish.origin or wish.backup != "latest"):
        raise UsageError("--to-time chooses its backup itself; leave --backup and --origin out")
    if wish.to_time and wish.plan:
        raise UsageError("--plan shows the restore of a backup; --to-time has none yet")
    if wish.table and not wish.table.replace(",", "").strip():
        raise UsageError(f"--table={wish.table!a} names no table")
    if wish.table and not wish.into:
        raise UsageError("a few tables are restored beside only: add --into=NAME")


@contextlib.contextmanager
def _chosen(
    there: There, wish: RestoreOptions, report: Reporter
) -> Iterator[tuple[Mapping[str, Any], Store | None]]:
    """Yield what names the backup inside, and the store served to it, if that is here."""
    if wish.backup != "latest" and not ID.fullmatch(wish.backup):
        theirs = environment.load(wish.origin) if wish.origin else there.env
        yield _file(theirs, Path(wish.backup).expanduser())
    elif wish.origin and wish.origin != there.env.name:
        other = environment.load(wish.origin)
        with _store_of(other) as store:
            backup = catalogue.find(store, wish.backup, reporter=report)
            yield {"id": backup.id, "key": _unlock(other, backup)}, store
    else:
        row = backups.choose_one(backups.listed(there, report), wish.backup, report)
        asked = {"id": row["id"], "key": backups.unlock(there.env, row)}
        yield asked, backups.store_here(there.env)


def _file(env: Environment, path: Path) -> tuple[Mapping[str, Any], Store]:
    """Take a file of this computer: a backup with its manifest beside it, or any other dump."""
    if not path.is_file():
        raise UsageError(
            f"--backup={str(path)[:200]} is none of: latest, an id of inv db.backups, a file"
        )
    path = path.resolve()
    folder = path.parent
    store = FolderStore(folder, str(folder))
    name = path.name.partition(".")[0]
    if path.name == catalogue.dump_key(name) and (folder / catalogue.manifest_key(name)).is_file():
        backup = catalogue.get(store, name)
        return {"id": name, "key": _unlock(env, backup)}, store
    return {"file": path.name}, store


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


def _unlock(env: Environment, backup: StoredBackup) -> str:
    return keys.unlock(env, backup.manifest.key, backup.manifest.recipients).identity


def sql_of(env: Environment, name: str) -> str:
    """Read the project's SQL for an environment, or for all of them; nothing when there is none."""
    for path in (FOLDER / f"{name}.{env.name}.sql", FOLDER / f"{name}.sql"):
        if path.is_file():
            try:
                return path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                raise Refused(f"backups/{path.name} is not UTF-8; nothing was changed") from None
    return ""


@contextlib.contextmanager
def _alone(there: There, reason: str, *, needed: bool = True) -> Iterator[None]:
    """Hold the lease of an environment; the hacking loop has none."""
    if there.manager is None or not needed:
        yield
        return
    with lease.held(there.manager, there.env.prefix, reason):
        yield
