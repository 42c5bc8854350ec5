"""Backups from the operator's side: what a request says, which store is served, whose keys fit."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from slipway.agent.messages.backups import (
    BackupList,
    BackupProof,
    BackupReply,
    BackupRequest,
    BackupRow,
    ListBackupsRequest,
    VerifyRequest,
)
from slipway.agent.messages.request import ChangePlan
from slipway.backups.format import catalogue
from slipway.backups.format.encryption import Key
from slipway.backups.format.manifest import ID, new_id
from slipway.backups.take.spec import BackupSpec
from slipway.client import grant, keys, signing
from slipway.client.grant import Grant
from slipway.client.session import Session
from slipway.cluster import lease, ledger
from slipway.cluster.observed import observe
from slipway.environments.environment import Environment
from slipway.errors import DifferenceFound, HostError, Refused, UsageError
from slipway.progress import SILENT, Reporter
from slipway.project import ROOT
from slipway.secrets import encrypted_file, identity
from slipway.storage.folder import FolderStore
from slipway.storage.open import scheme_of
from slipway.storage.store import Store


def store_here(env: Environment) -> Store | None:
    """Return the folder on this computer that an environment's backups are kept in, if it is one.

    None means that they are in S3, and the environment goes there by itself. Raises ConfigError.
    """
    place = env.settings["BACKUP_STORE"].strip()
    if scheme_of(place, env.name) == "s3":
        return None
    if not place:
        return FolderStore(ROOT / "backups" / env.name, f"backups/{env.name}")
    folder = ROOT / Path(place.removeprefix("file://")).expanduser()
    return FolderStore(folder / env.name, f"{folder}/{env.name}")


def spec(session: Session, reporter: Reporter, *, role_passwords: bool = False) -> BackupSpec:
    """Tell what the environment does not know of itself: to whom, from whom, which release."""
    live = _live(session, reporter)
    return BackupSpec(
        environment=session.env.name,
        recipients=tuple(recipients(session.env)),
        by=lease.owner(),
        release=live.release if live else 0,
        commit=live.commit if live else "",
        role_passwords=role_passwords,
        backup_id=new_id(),
    )


def recipients(env: Environment) -> list[str]:
    """Name those who can open an environment's backups: who can open its secrets."""
    if not env.secrets_file.is_file():
        raise Refused(
            f"secrets/{env.secrets_file.name} is missing, and its recipients are those of the "
            f"backups; create it: inv secrets.create --env={env.name}"
        )
    names = encrypted_file.recipients(env.secrets_file)
    # A machine seals them, and has no program for a key in hardware.
    plain = [name for name in names if not identity.program(name)]
    if not plain:
        raise Refused(
            f"secrets/{env.secrets_file.name} names no age recipient that a machine can seal "
            "backups to; see .sops.yaml"
        )
    return plain


def take(
    session: Session, reporter: Reporter, *, role_passwords: bool = False, plan: bool = False
) -> BackupReply | ChangePlan:
    """Take a backup; with `plan`, only say what would be done."""
    backup_spec = spec(session, reporter, role_passwords=role_passwords)
    request = BackupRequest(**vars(backup_spec), plan=plan)
    return session.call(request, reporter, grant_to_back_up(session.env, backup_spec))


def grant_to_back_up(env: Environment, backup_spec: BackupSpec) -> Grant | None:
    """Let a backup be signed, and written if they are kept here, under the id chosen for it."""
    store, key = store_here(env), signing.operator_key(env)
    return grant.to_back_up(store, backup_spec.backup_id, key) if store or key else None


def read_list(session: Session, reporter: Reporter) -> BackupList:
    """List the backups of an environment, newest first."""
    if store := store_here(session.env):
        return BackupList.of(catalogue.read(store, signing.trust(session.env)), store.name)
    return session.call(ListBackupsRequest(), reporter)


def verify(session: Session, which: str, reporter: Reporter) -> tuple[BackupProof, ...]:
    """Read backups back in full: the newest, one by its id, or all.

    One after the other: the far side has the key of no other than the one it reads. What need not
    be read to know that it is damaged is reported too: of all, or newer than latest.
    """
    backups = read_list(session, reporter)
    chosen = choose(backups, which)
    keys = {row.id: unlock(session.env, row) for row in chosen[1:]}
    keys[chosen[0].id] = unlock(session.env, chosen[0], reporter)  # which key it was, said once
    store, proofs = store_here(session.env), list[BackupProof]()
    for name in sorted(keys, reverse=True):
        granted = grant.to_verify(store, name) if store else None
        proofs += session.call(VerifyRequest({name: keys[name]}), reporter, granted).proofs
    damaged = backups.damaged if which == "all" else _passed_over(backups, which)
    return (*proofs, *(_unread(name, why) for name, why in damaged.items()))


def choose_one(
    backups: BackupList, which: str, reporter: Reporter, *, untrusted: bool = False
) -> BackupRow:
    """Pick one backup from a list, and report newer ones that are damaged or not signed.

    Only with `untrusted`, and by its id, one without a trusted signature.
    """
    for candidate in backups.unsigned if untrusted else ():
        if candidate.id == which:
            return candidate
    row = choose(backups, which)[0]
    if which == "latest":
        unsigned = [each.id for each in backups.unsigned]
        for line in catalogue.passed_over(backups.damaged, unsigned, row.id):
            reporter.note(line)
    return row


def choose(backups: BackupList, which: str) -> Sequence[BackupRow]:
    """Pick backups from a list. Raises UsageError, Refused, DifferenceFound."""
    rows: Sequence[BackupRow] = backups.backups
    if not (which in ("latest", "all") or ID.fullmatch(which)):
        raise UsageError(
            f"--backup={which[:60]!a} is none of: latest, all, an id of inv db.backups"
        )
    if ID.fullmatch(which):
        rows = [row for row in rows if row.id == which]
        if damage := backups.damaged.get(which):
            raise DifferenceFound(f"backup {which} is damaged: {damage}")
    if not rows and any(row.id == which for row in backups.unsigned):
        raise catalogue.not_signed(which)
    if not rows and backups.unsigned and not ID.fullmatch(which):
        raise catalogue.none_signed(backups.store)
    if not rows and backups.damaged and not ID.fullmatch(which):
        raise DifferenceFound(catalogue.none_whole(backups.store, backups.damaged))
    if not rows:
        what = "no backup" if which in ("latest", "all") else f"no backup {which}"
        raise Refused(f"{backups.store} holds {what}; inv db.backups lists what there is")
    return rows[:1] if which == "latest" else rows


def unlock(env: Environment, row: BackupRow, reporter: Reporter = SILENT) -> Key:
    """Open the key of a listed backup; its text goes over the channel and nowhere else."""
    return keys.unlock(env, row.key, row.recipients, reporter)


def demand_intact(proofs: Sequence[BackupProof]) -> None:
    """Raise DifferenceFound when a backup that was read is damaged."""
    bad = [f"{proof.id}: {proof.why}" for proof in proofs if not proof.ok]
    if bad:
        raise DifferenceFound(f"{'; '.join(bad)}. Take another now: inv db.backup")


def _passed_over(backups: BackupList, which: str) -> Mapping[str, str]:
    """Name what is damaged and newer than the newest intact backup, where that one is meant."""
    if which != "latest":
        return {}
    return catalogue.newer_damaged(backups.damaged, backups.backups[0].id)


def _unread(name: str, why: str) -> BackupProof:
    """Describe a backup that need not be read to know that it is damaged."""
    return BackupProof(name, "decode", "", 0.0, False, {}, why)


def _live(session: Session, reporter: Reporter) -> ledger.LedgerEntry | None:
    """Find the release that serves; not to know it is no reason to go without a backup."""
    if session.manager is None:
        return None
    try:
        observed = observe(session.manager, session.env.prefix)
    except HostError as error:
        reporter.note(f"which release serves is not known: {error}")
        return None
    return ledger.live(ledger.entries(observed, session.env.prefix))
