"""Backups restored beside the database: into its place, undone, or to prove them by a drill."""

import dataclasses

from slipway.agent.commands import backups
from slipway.agent.context import Context, demand_environment
from slipway.agent.messages.request import PlannedStep
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
from slipway.backups.format.manifest import stamp
from slipway.backups.format.signature import ANYBODY
from slipway.backups.restore.drill import Drill, DrillFailed, DrillResult
from slipway.backups.restore.local_dump import DumpSource
from slipway.backups.restore.restore import Restore
from slipway.backups.take.spec import BackupSpec
from slipway.database import swap
from slipway.database.roles import acting_as
from slipway.errors import UsageError


def restore(request: RestoreRequest, context: Context) -> RestoreReply | RestorePlan:
    """Restore a backup of the store, or a file of the client's; with `plan`, only look."""
    source = _source(request, context)
    spec = dataclasses.replace(request, environment=demand_environment(request.environment))
    restoring = Restore(acting_as("migrator"), source, spec, context.reporter)
    return plan(restoring) if request.plan else run(restoring)


def run(restoring: Restore) -> RestoreReply:
    """Run a restore, and say in a line what it came to."""
    result, source = restoring.run(), restoring.source
    sibling = f"; the one before is kept as {result.kept}" if result.kept else ""
    swapped = f", swapped in {result.swap_seconds:.2f} s" if result.kept else ""
    return RestoreReply(
        **vars(result),
        backup=source.label,
        summary=f"{result.database} holds {source.label}: {result.rows} rows in "
        f"{result.seconds:.1f} s{swapped}{sibling}",
    )


def undo(request: UndoRequest, context: Context) -> UndoReply:
    """Swap the newest replaced database back."""
    demand_environment(request.environment)
    live = acting_as("migrator")
    back, replaced, seconds = swap.undo(live, stamp(), context.reporter)
    return UndoReply(
        database=live.database,
        back=back,
        kept=replaced,
        swap_seconds=round(seconds, 3),
        summary=f"{back} is {live.database} again; the database it replaced is kept as {replaced}",
    )


def drill(request: DrillRequest, context: Context) -> DrillReply:
    """Prove a backup of the store whose key the client has opened, or a fresh one."""
    if not request.id:
        return drill_fresh(request, request.smoke, context)
    store = context.store()
    backup, key = catalogue.get(store, request.id, context.trust), _key(request.key)
    return _describe(_drill(backup, key, request.smoke, context))


def drill_fresh(spec: BackupSpec, smoke: str, context: Context) -> DrillReply:
    """Take a backup and prove it while its key is still known; for scheduled jobs."""
    taken, store = backups.take_one(spec, context), context.store()
    backup = catalogue.get(store, taken.manifest.id, context.trust)
    result = _drill(backup, taken.key, smoke, context)
    reply = _describe(result)
    if not result.proof.ok:
        raise DrillFailed(reply.summary)
    return reply


def _drill(backup: StoredBackup, key: Key, smoke: str, context: Context) -> DrillResult:
    reporter, trust = context.reporter, context.trust
    return Drill(context.store(), backup, key, reporter, smoke, trust=trust).run()


def _describe(result: DrillResult) -> DrillReply:
    proof = result.proof
    rows = f"{result.rows} rows and everything else match the backup"
    restored = f"restored in {proof.seconds:.1f} s; {rows}"
    verdict = restored if proof.ok else f"NOT proven: {proof.why}"
    return DrillReply(**vars(result), summary=f"backup {result.id}: {verdict}")


def plan(restoring: Restore) -> RestorePlan:
    """Look at the server, and say what a restore would do."""
    preview, label = restoring.preview(), restoring.source.label
    return RestorePlan(
        backup=label,
        database=restoring.target_name,
        steps=PlannedStep.of(preview.plan),
        server=preview.target.major,
        free=preview.target.free,
        problems=tuple(preview.problems),
        notes=tuple(preview.notes),
        summary=f"{label} would be restored into {restoring.target_name}",
    )


def _source(request: RestoreRequest, context: Context) -> DumpSource:
    store = context.store()
    if request.file:
        return DumpSource(store, file=request.file)
    trust = ANYBODY if request.untrusted else context.trust
    backup = catalogue.get(store, request.id, trust)
    return DumpSource(store, backup.manifest, _key(request.key))


def _key(key: Key | None) -> Key:
    if key is None:
        raise UsageError("the request has no key to decrypt the backup with")
    return key
