"""What is asked of a backup inside an environment: restore it, undo that, prove it by a drill."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from slipway.agent.commands import backups
from slipway.agent.context import Context
from slipway.backups.format import catalogue
from slipway.backups.format.encryption import Key
from slipway.backups.format.manifest import stamp
from slipway.backups.restore.drill import Drill, DrillFailed, DrillResult
from slipway.backups.restore.local_dump import DumpSource
from slipway.backups.restore.restore import Restore
from slipway.backups.restore.spec import RestoreSpec
from slipway.database import swap
from slipway.database.connection import server
from slipway.errors import Refused


def restore(work: Context) -> dict[str, Any]:
    """Restore a backup of the store, or a file of the person's; with `plan`, only look."""
    source, order = _source(work), order_of(work.given)
    restoring = Restore(server(), source, order, work.report)
    if work.given.get("plan"):
        return _plan(restoring)
    done = restoring.run()
    kept = f"; the one before is kept as {done.kept}" if done.kept else ""
    swapped = f", swapped in {done.swap_seconds:.2f} s" if done.kept else ""
    return {
        **dataclasses.asdict(done),
        "backup": source.label,
        "summary": f"{done.database} holds {source.label}: {done.rows} rows in "
        f"{done.seconds:.1f} s{swapped}{kept}",
    }


def undo(work: Context) -> dict[str, Any]:
    """Swap the newest replaced database back."""
    _environment(work.given)
    live = server()
    back, kept, seconds = swap.undo(live, stamp(), work.report)
    return {
        "database": live.database,
        "back": back,
        "kept": kept,
        "swap_seconds": round(seconds, 3),
        "summary": f"{live.database} is again what was {back}; what it was until now is {kept}",
    }


def drill(work: Context) -> dict[str, Any]:
    """Prove a backup of the store whose key the person has opened, or a fresh one."""
    if not work.given.get("id"):
        return drill_fresh(work)
    store = work.store()
    backup = catalogue.get(store, str(work.given.get("id") or ""))
    key = Key(str(work.given.get("key") or ""))
    return _told(Drill(store, backup, key, work.report, _text(work.given, "smoke")).run())


def drill_fresh(work: Context) -> dict[str, Any]:
    """Take a backup and prove it while its key is still known; for jobs by the clock."""
    taken, store = backups.take_one(work), work.store()
    backup = catalogue.get(store, taken.manifest.id)
    smoke = _text(work.given, "smoke")
    told = _told(Drill(store, backup, taken.key, work.report, smoke).run())
    if not told["ok"]:
        raise DrillFailed(told["summary"])
    return told


def _told(done: DrillResult) -> dict[str, Any]:
    proof = dataclasses.asdict(done.proof)
    found = f"restored in {done.proof.seconds:.1f} s; {done.rows} rows and all else as backed up"
    verdict = found if done.proof.ok else f"NOT proven: {done.proof.why}"
    told = {key: value for key, value in dataclasses.asdict(done).items() if key != "proof"}
    return {**told, **proof, "summary": f"backup {done.id}: {verdict}"}


def _plan(restoring: Restore) -> dict[str, Any]:
    preview, label = restoring.preview(), restoring.source.label
    return {
        "backup": label,
        "database": restoring.target_name,
        "stages": [(step.name, step.describe) for step in preview.plan.steps],
        "server": preview.target.major,
        "free": preview.target.free,
        "problems": list(preview.problems),
        "notes": list(preview.notes),
        "summary": f"{label} would be restored into {restoring.target_name}",
    }


def _source(work: Context) -> DumpSource:
    given, store = work.given, work.store()
    if file := _text(given, "file"):
        return DumpSource(store, file=file)
    found = catalogue.get(store, _text(given, "id"))
    return DumpSource(store, found.manifest, Key(_text(given, "key")))


def order_of(given: Mapping[str, Any]) -> RestoreSpec:
    """Read what was asked of a restore, wherever its data comes from."""
    return RestoreSpec(
        environment=_environment(given),
        into=_text(given, "into"),
        tables=[str(each) for each in given.get("tables") or ()],
        create_roles=bool(given.get("create_roles")),
        scrub=_text(given, "scrub"),
        origin=_text(given, "origin"),
    )


def _environment(given: Mapping[str, Any]) -> str:
    """Return the environment that this is, which must be the one that the person asked for."""
    own, asked = os.environ.get("ENVIRONMENT", "dev"), _text(given, "environment")
    if asked and asked != own:
        raise Refused(f"you asked for {asked!a}, and this is {own!a}; nothing was changed")
    return own


def _text(given: Mapping[str, Any], key: str) -> str:
    return str(given.get(key) or "")
