"""Somebody else's database in the place of the environment's own, or beside it."""

import dataclasses
import os
from pathlib import Path

from slipway.agent.commands import restore
from slipway.agent.context import Context, demand_environment
from slipway.agent.messages.restore import ImportRequest, RestorePlan, RestoreReply
from slipway.backups.restore.importing import Import
from slipway.backups.restore.local_dump import DumpSource
from slipway.database.roles import acting_as
from slipway.storage.folder import FolderStore

NOWHERE = Path(os.devnull)


def take_over(request: ImportRequest, context: Context) -> RestoreReply | RestorePlan:
    """Restore what others have; with `plan`, only look at the server that it is for."""
    store = context.store() if request.file else FolderStore(NOWHERE, request.label)
    source = DumpSource(store, file=request.file, name=request.label)
    spec = dataclasses.replace(
        request, environment=demand_environment(request.environment), untrusted=True
    )
    importing = Import(
        acting_as("migrator"), source, spec, context.reporter, foreign=request.source
    )
    return restore.plan(importing) if request.plan else restore.run(importing)
