"""Backups beside the database: take one, list them, verify them."""

import dataclasses
import os
from typing import TypeVar

from slipway.agent.context import Context, environment
from slipway.agent.messages.backups import (
    BackupList,
    BackupProof,
    BackupReply,
    BackupRequest,
    BackupRow,
    ListBackupsRequest,
    VerifyReply,
    VerifyRequest,
)
from slipway.agent.messages.request import ChangePlan
from slipway.backups.format import catalogue
from slipway.backups.format.catalogue import StoredBackup
from slipway.backups.format.manifest import sized
from slipway.backups.restore import check
from slipway.backups.take.backup import Backup
from slipway.backups.take.spec import BackupResult, BackupSpec
from slipway.database.roles import acting_as
from slipway.errors import ConfigError, Refused
from slipway.storage.store import Store

Spec = TypeVar("Spec", bound=BackupSpec)


def backup(request: BackupRequest, context: Context) -> BackupReply | ChangePlan:
    """Take a backup; the reply is what `backups` tells of it."""
    if request.plan:
        preview = _backing_up(request, context, context.store()).preview()
        return ChangePlan.of(preview.plan, preview.notes)
    return take_and_describe(request, context)


def backups(request: ListBackupsRequest, context: Context) -> BackupList:
    """List what the store holds, newest first."""
    store = context.store()
    return BackupList.of(catalogue.read(store, context.trust), store.name)


def verify(request: VerifyRequest, context: Context) -> VerifyReply:
    """Read chosen backups back, each with its key."""
    if not request.keys:
        raise Refused("no backup was chosen; nothing was read")
    store, proofs = context.store(), []
    for name in sorted(request.keys, reverse=True):
        backup = catalogue.get(store, name, context.trust)
        proof = check.check(store, backup, request.keys[name], context.reporter, context.trust)
        proofs.append(BackupProof.of(name, proof))
    bad = [proof.id for proof in proofs if not proof.ok]
    summary = f"{len(proofs) - len(bad)} of {len(proofs)} backups are intact"
    return VerifyReply(tuple(proofs), f"{summary}; damaged: {', '.join(bad)}" if bad else summary)


def take_and_describe(spec: BackupSpec, context: Context) -> BackupReply:
    """Take a backup and describe it as a list does."""
    store = context.store()
    manifest = take_one(spec, context, store).manifest
    backup = StoredBackup(manifest, (), manifest.stored, signed_by=context.trust.own_name)
    counted = sum(rows is not None for rows in manifest.tables.values())
    return BackupReply(
        backup=BackupRow.of(backup, store.name),
        uncounted=len(manifest.tables) - counted,
        summary=f"backup {manifest.id} of {manifest.database} is in {store.name} "
        f"({sized(manifest.stored)}, {manifest.rows} rows, {manifest.seconds:.1f} s)",
    )


def take_one(spec: BackupSpec, context: Context, store: Store | None = None) -> BackupResult:
    """Take a backup; its key is still known then."""
    return _backing_up(spec, context, store or context.store()).run()


def _backing_up(spec: BackupSpec, context: Context, store: Store) -> Backup:
    if not spec.recipients:
        raise ConfigError("the request names no recipient to encrypt the backup to; deploy first")
    server = acting_as("backup")
    return Backup(server, store, with_settings(spec), context.reporter, context.trust)


def with_settings(spec: Spec) -> Spec:
    """Add what a request leaves out and the container's settings know."""
    release = os.environ.get("RELEASE", "")
    return dataclasses.replace(
        spec,
        environment=spec.environment or environment(),
        release=spec.release or (int(release) if release.isdecimal() else 0),
        commit=spec.commit or os.environ.get("COMMIT", ""),
    )
