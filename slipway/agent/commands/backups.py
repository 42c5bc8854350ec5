"""What is asked of backups inside an environment: take one, list them, prove them."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from slipway.agent.context import Context, plan_document
from slipway.backups.format import catalogue
from slipway.backups.format.catalogue import StoredBackup
from slipway.backups.format.encryption import Key
from slipway.backups.format.manifest import sized
from slipway.backups.restore import check
from slipway.backups.take.backup import Backup
from slipway.backups.take.spec import LOCK_WAIT, BackupResult, BackupSpec
from slipway.database.connection import PATIENCE, server
from slipway.errors import ConfigError, Refused
from slipway.storage.store import Store


def backup(work: Context) -> dict[str, Any]:
    """Take a backup; the result is what `backups` tells of it."""
    store = work.store()
    made = take_one(work, store).manifest
    found = StoredBackup(made, (), made.stored)
    counted = sum(rows is not None for rows in made.tables.values())
    return {
        "backup": row(found, store.name),
        "uncounted": len(made.tables) - counted,
        "summary": f"backup {made.id} of {made.database} is in {store.name} "
        f"({sized(made.stored)}, {made.rows} rows, {made.seconds:.1f} s)",
    }


def plan_backup(work: Context) -> dict[str, Any]:
    """Say what a backup would do, and do nothing."""
    preview = _backing_up(work, work.store()).preview()
    return plan_document(preview.plan, preview.notes)


def backups(work: Context) -> dict[str, Any]:
    """List what the store holds, newest first."""
    store = work.store()
    found = catalogue.read(store)
    left = sum(entry.size for entry in found.leftovers)
    return {
        "store": store.name,
        "backups": [row(each, store.name) for each in found.backups],
        "leftovers": {"count": len(found.leftovers), "size": left},
        "damaged": dict(found.damaged),
        "summary": f"{store.name} holds {len(found.backups)} backups",
    }


def verify(work: Context) -> dict[str, Any]:
    """Read chosen backups back; `keys` holds the key of each by its id."""
    keys: Mapping[str, str] = work.given.get("keys") or {}
    if not keys:
        raise Refused("no backup was chosen; nothing was read")
    store, told = work.store(), []
    for name in sorted(keys, reverse=True):
        found = catalogue.get(store, name)
        proof = check.check(store, found, Key(keys[name]), work.report)
        told.append({"id": name, **dataclasses.asdict(proof)})
    bad = [each["id"] for each in told if not each["ok"]]
    summary = f"{len(told) - len(bad)} of {len(told)} backups can be read back whole"
    return {"proofs": told, "summary": f"{summary}; NOT: {', '.join(bad)}" if bad else summary}


def take_one(work: Context, store: Store | None = None) -> BackupResult:
    """Take a backup as a request says; its key is still known then."""
    return _backing_up(work, store or work.store()).run()


def _backing_up(work: Context, store: Store) -> Backup:
    given = work.given
    recipients = tuple(str(each) for each in given.get("recipients") or ())
    if not recipients:
        raise ConfigError("the request names nobody to encrypt the backup to; deploy first")
    spec = BackupSpec(
        environment=str(given.get("environment") or os.environ.get("ENVIRONMENT", "dev")),
        recipients=recipients,
        release=_release(given),
        commit=str(given.get("commit") or os.environ.get("COMMIT", "")),
        by=str(given.get("by") or ""),
        role_passwords=bool(given.get("role_passwords")),
        lock_wait=float(given.get("lock_wait") or LOCK_WAIT),
        patience=float(given.get("patience") or PATIENCE),
    )
    return Backup(server(), store, spec, work.report)


def _release(given: Mapping[str, Any]) -> int:
    """Return the release that serves: as the request tells, or the schedule's own."""
    text = str(given.get("release") or os.environ.get("RELEASE", ""))
    return int(text) if text.isdecimal() else 0


def row(found: StoredBackup, where: str) -> dict[str, Any]:
    """Tell one backup, as a table or a program wants it."""
    made = found.manifest
    return {
        "id": made.id,
        "at": made.created,
        "environment": made.environment,
        "database": made.database,
        "size": found.size,
        "seconds": made.seconds,
        "release": made.release,
        "commit": made.commit,
        "migration": made.head,
        "rows": made.rows,
        "server": made.server,
        "has_role_passwords": made.has_role_passwords,
        "is_verified": found.is_verified,
        "recovery_seconds": found.recovery_seconds,
        "proofs": {kind: dataclasses.asdict(each) for kind, each in found.proofs.items()},
        "recipients": list(made.recipients),
        "where": where,
        "key": made.key,
    }
