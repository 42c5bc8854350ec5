"""What a request may do with a store of a test: granted as by a client, which chooses the id."""

import dataclasses
from typing import TypeVar, cast

from slipway.agent.messages.backups import BackupRequest, ListBackupsRequest, VerifyRequest
from slipway.agent.messages.data import ResetRequest
from slipway.agent.messages.request import Reply, Request
from slipway.agent.messages.restore import DrillRequest, ImportRequest, RestoreRequest
from slipway.backups.format import catalogue
from slipway.backups.format.manifest import new_id
from slipway.backups.take.spec import BackupSpec
from slipway.client import grant
from slipway.client.grant import Grant
from slipway.storage.store import Store

R = TypeVar("R", bound=Reply)


def identified(request: Request[R]) -> Request[R]:
    """Give a request that may write a backup the id of it."""
    if not isinstance(request, BackupSpec):
        return request
    chosen = dataclasses.replace(request, backup_id=request.backup_id or new_id())
    return cast("Request[R]", chosen)


def grant_for(request: Request[Reply], store: Store) -> Grant:
    """Return what a request may do with a store."""
    if isinstance(request, BackupRequest | ResetRequest):
        return grant.to_back_up(store, request.backup_id)
    if isinstance(request, DrillRequest) and request.id:
        before = catalogue.drilled_before(catalogue.read(store).backups, request.id)
        return grant.to_drill(store, request.id, before.id if before else "")
    if isinstance(request, DrillRequest):
        fresh = grant.to_drill(store, request.backup_id)
        return dataclasses.replace(fresh, creates=catalogue.keys(request.backup_id))
    if isinstance(request, VerifyRequest):
        return grant.to_verify(store, *request.keys)
    if isinstance(request, RestoreRequest | ImportRequest) and request.file:
        return grant.to_read_file(store, request.file)
    if isinstance(request, ImportRequest):
        return Grant(None)
    if isinstance(request, RestoreRequest):
        return grant.to_restore(store, request.id)
    if isinstance(request, ListBackupsRequest):
        return Grant(store, reads=[entry.key for entry in store.entries()])
    raise AssertionError(f"nothing is granted to {request.verb}")
