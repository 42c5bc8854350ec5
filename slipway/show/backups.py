"""Backups as rows for people and programs, and an honest line about what they do not save."""

import dataclasses
import datetime
from collections.abc import Sequence

from slipway.agent.messages.backups import BackupList, BackupProof, BackupReply, BackupRow
from slipway.agent.messages.request import ChangePlan
from slipway.backups.format.manifest import sized
from slipway.client.pitr.pgbackrest import ArchiveCatalogue, BaseBackupReply, BaseBackupRow
from slipway.client.pitr.pgbackrest import VerifyReply as ArchiveVerifyReply
from slipway.environments.environment import Environment
from slipway.releases.commit import short
from slipway.show import plans, table
from slipway.show.writer import say

COLUMNS = (
    *("backup", "age", "size", "took", "release", "migration", "rows"),
    *("verified", "recovery", "signed_by", "encrypted_to"),
)
BASES = ("base_backup", "age", "kind", "size", "stored", "whole")
HIDDEN = ("key",)  # sealed, but long; it lies in the manifest for whoever wants it
STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def show_backup(
    reply: BackupReply | ChangePlan | BaseBackupReply, *, as_json: bool = False
) -> None:
    """Print the result of a backup, or its plan."""
    if isinstance(reply, ChangePlan):
        plans.show_change(reply, as_json=as_json)
        return
    if as_json:
        table.document(_public(reply.backup))
        return
    say(reply.summary)
    if isinstance(reply, BackupReply) and reply.uncounted:
        why = "not counted while it was taken, so a restore does not compare their rows"
        say(f"tables that were {why}: {reply.uncounted}")


def show_list(
    env: Environment,
    backups: BackupList,
    archive: ArchiveCatalogue | None,
    *,
    as_json: bool = False,
) -> None:
    """Print all backups, the newest first, and what else lies there."""
    rows = backups.backups
    if as_json:
        document = dataclasses.asdict(backups) | {
            "backups": [_public(row) for row in rows],
            "unsigned": [_public(row) for row in backups.unsigned],
        }
        document["pitr"] = dataclasses.asdict(archive) if archive else None
        table.document(document | {"loss": loss(env, rows, archive=archive)})
        return
    if rows:
        table.rows(COLUMNS, [_row(row) for row in rows])
        say(f"\nin {backups.store}")
    else:
        say(f"{backups.store} holds no backup; take one: inv db.backup --env={env.name}")
    for row in backups.unsigned:
        say(f"! {row.id} is not signed by a trusted key (backups/signers.yml); it is not used")
    for name, why in backups.damaged.items():
        say(f"! {name} is damaged: {why}")
    if backups.leftovers.count:
        count, size = backups.leftovers.count, sized(backups.leftovers.size)
        say(
            f"! {count} leftovers of interrupted backups ({size}); "
            f"inv db.prune --env={env.name} removes them"
        )
    if archive:
        _show_archive(env, archive)
    say(loss(env, rows, archive=archive))


def _show_archive(env: Environment, archive: ArchiveCatalogue) -> None:
    """Print the base backups, and from when to when any moment can be returned to."""
    say("")
    table.rows(BASES, [_base(base) for base in archive.bases])
    say("")
    for line in archive.describe_windows():
        say(line)
    if archive.windows:
        say(f"return to one: inv db.restore --env={env.name} --to-time=…")


def show_archive(reply: ArchiveVerifyReply, *, as_json: bool = False) -> None:
    """Print that the archive is intact, or for a program what is wrong with it."""
    if as_json:
        table.document({"ok": reply.ok, "wrong": list(reply.problems)})
    elif reply.ok:
        say(reply.summary)


def show_proofs(proofs: Sequence[BackupProof], *, as_json: bool = False) -> None:
    """Print what was found when backups were read back."""
    if as_json:
        table.document([_proof_fields(proof) for proof in proofs])
        return
    columns = ("backup", "whole", "took", "size", "rows", "why_not")
    table.rows(columns, [_proof(proof) for proof in proofs])


def loss(
    env: Environment,
    rows: Sequence[BackupRow],
    now: float | None = None,
    *,
    archive: ArchiveCatalogue | None = None,
) -> str:
    """Say what would be lost with the database at this moment; `archive` is of its changes."""
    if archive:
        return f"If the database is lost now: {archive.summary}."
    if not rows:
        return "If the database is lost now, everything is lost."
    since = human_age(rows[0].at, now)
    return (
        f"If the database is lost now, what was written in the last {since} is lost, and up to "
        "24 h with daily backups. PITR=on keeps every change."
    )


def human_seconds(seconds: float) -> str:
    """Write how long something took."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def human_age(at: str, now: float | None = None) -> str:
    """Write how long ago a moment was."""
    then = datetime.datetime.fromisoformat(at).timestamp()
    ago = max(0.0, (datetime.datetime.now().timestamp() if now is None else now) - then)
    for size, unit in STEPS:
        if ago >= 2 * size:
            return f"{ago // size:.0f} {unit}"
    return f"{ago:.0f} s"


def _row(row: BackupRow) -> dict[str, object]:
    recovery = row.recovery_seconds
    release = f"{row.release} ({short(row.commit)})" if row.release else "-"
    return {
        "backup": row.id,
        "age": human_age(row.at),
        "size": sized(row.size),
        "took": human_seconds(row.seconds),
        "release": release,
        "migration": row.migration or "-",
        "rows": row.rows,
        "verified": _verified(row),
        "recovery": human_seconds(recovery) if recovery is not None else "not measured",
        "signed_by": row.signed_by or "-",
        "encrypted_to": ", ".join(_shortened(recipient) for recipient in row.recipients),
    }


def _base(base: BaseBackupRow) -> dict[str, object]:
    return {
        "base_backup": base.id,
        "age": human_age(base.at),
        "kind": base.kind,
        "size": sized(base.size),
        "stored": sized(base.stored),
        "whole": base.ok,
    }


def _verified(row: BackupRow) -> str:
    """Say when a backup was last looked at, and how; each one is decoded while it is taken."""
    proofs = list(row.proofs.values())
    if not proofs:
        return "as it was taken"
    last = max(proofs, key=lambda proof: (proof.at, proof.kind))
    how = {"decode": "read back", "drill": "restored"}.get(last.kind, last.kind)
    return f"{how} {human_age(last.at)} ago" if last.ok else f"NO: {last.why}"


def _proof(proof: BackupProof) -> dict[str, object]:
    counts = proof.counts
    return {
        "backup": proof.id,
        "whole": proof.ok,
        "took": human_seconds(proof.seconds),
        "size": sized(counts["bytes"]) if "bytes" in counts else "",
        "rows": counts.get("rows", ""),
        "why_not": proof.why,
    }


def _proof_fields(proof: BackupProof) -> dict[str, object]:
    """Leave out when a backup was read that need not be read to know that it is damaged."""
    fields = dataclasses.asdict(proof)
    return fields if proof.at else {key: value for key, value in fields.items() if key != "at"}


def _public(row: BackupRow | BaseBackupRow) -> dict[str, object]:
    return {key: value for key, value in dataclasses.asdict(row).items() if key not in HIDDEN}


def _shortened(recipient: str) -> str:
    """Show enough of a public key to know whose it is."""
    return recipient if len(recipient) <= 20 else f"{recipient[:10]}…{recipient[-4:]}"
