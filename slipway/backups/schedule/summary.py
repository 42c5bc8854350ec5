"""What a status says of backups: the newest, the last drill, what became of the jobs."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from slipway.backups.format import catalogue
from slipway.backups.format.catalogue import Proof, StoredBackup
from slipway.backups.format.manifest import ID, moment
from slipway.backups.schedule import job_results
from slipway.errors import Refused
from slipway.storage.store import NotListable, Store, StoredObject

LOOKED_AT = 60  # proofs, newest first, until one is of a drill


def draw(store: Store, now: datetime, folder: Path = job_results.FOLDER) -> dict[str, Any]:
    """Look at a store in a few requests; a value is None where there is nothing to tell.

    With keys that may only write nothing is seen, which is no fault: `unlisted` says so.
    """
    last = job_results.read_all(store, folder)
    drawn: dict[str, Any] = {
        "where": store.name,
        "unknown": "",
        "unlisted": "",
        "newest": None,
        "drill": None,
        "runs": {job: dataclasses.asdict(run) for job, run in last.items()},
    }
    try:
        held = {entry.key: entry for entry in store.entries(catalogue.MILLENNIUM)}
    except NotListable as error:
        return drawn | {"unlisted": str(error), "summary": "the store may not be listed"}
    names = sorted((n for n in map(_name, held) if n), reverse=True)
    newest = _newest(store, names, held)
    drawn["newest"] = _told(newest, now) if newest else None
    drawn["drill"] = _drill(store, [n for n in names if catalogue.proof_key(n) in held])
    return drawn | {"summary": newest.id if newest else "no backup yet"}


def _name(key: str) -> str:
    """Return the id of the backup that a manifest is of; nothing for any other key."""
    name = key.removesuffix(".json")
    return name if name != key and ID.fullmatch(name) else ""


def _newest(
    store: Store, names: Sequence[str], held: Mapping[str, StoredObject]
) -> StoredBackup | None:
    """Return the newest backup that lies there whole."""
    for name in names:
        try:
            found = catalogue.get(store, name)
        except Refused:  # damaged, or gone meanwhile
            continue
        dump = held.get(catalogue.dump_key(name))
        if dump is not None and dump.size == found.manifest.dump.size:
            return found
    return None


def _told(backup: StoredBackup, now: datetime) -> dict[str, Any]:
    proof = backup.newest_proof
    return {
        "id": backup.id,
        "at": job_results.written(backup.manifest.at),
        "age": max(0.0, (now - backup.manifest.at).total_seconds()),
        "size": backup.size,
        "seconds": backup.manifest.seconds,
        "release": backup.manifest.release,
        "head": backup.manifest.head,
        "verified": bool(proof and proof.ok),
        "proof": dataclasses.asdict(proof) if proof else None,
    }


def _drill(store: Store, names: Sequence[str]) -> dict[str, Any] | None:
    """Return the last drill, whatever became of it, and how long its restore took."""
    for name in names[:LOOKED_AT]:
        found: Proof | None = catalogue.proofs(store, name).get("drill")
        if found is not None:
            return dataclasses.asdict(found) | {
                "backup": name,
                "of": job_results.written(moment(name)),
            }
    return None
