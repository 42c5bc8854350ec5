"""Backups as rows for people and programs, and an honest line about what they do not save."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from slipway.backups.format.manifest import sized
from slipway.client.pitr.pgbackrest import stretches
from slipway.environments.environment import Environment
from slipway.releases.commit import short
from slipway.show import plans, table
from slipway.show.output import say

Row = Mapping[str, Any]
COLUMNS = (
    *("backup", "age", "size", "took", "release", "migration", "rows"),
    *("verified", "recovery", "encrypted_to"),
)
BASES = ("base_backup", "age", "kind", "size", "stored", "whole")
HIDDEN = ("key",)  # sealed, but long; it lies in the manifest for whoever wants it
STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def show_taken(found: Row, *, as_json: bool = False) -> None:
    """Print what a backup came to, or would do."""
    if "steps" in found:
        plans.show_change(found, as_json=as_json)
        return
    if as_json:
        table.document(_public(found["backup"]))
        return
    say(found["summary"])
    if found["uncounted"]:
        told = "not counted while it was taken, so a restore does not compare their rows"
        say(f"tables that were {told}: {found['uncounted']}")


def show_list(env: Environment, found: Row, *, as_json: bool = False) -> None:
    """Print all backups, the newest first, and what else lies there."""
    rows = found["backups"]
    if as_json:
        document = {**found, "backups": [_public(row) for row in rows]}
        table.document(document | {"loss": loss(env, rows, kept=found.get("pitr"))})
        return
    if rows:
        table.rows(COLUMNS, [_row(row) for row in rows])
        say(f"\nin {found['store']}")
    else:
        say(f"{found['store']} holds no backup; take one: inv db.backup --env={env.name}")
    for name, why in found["damaged"].items():
        say(f"! {name} is not whole: {why}")
    if found["leftovers"]["count"]:
        count, size = found["leftovers"]["count"], sized(found["leftovers"]["size"])
        say(f"! {count} leftovers of broken-off backups ({size}); inv db.prune removes them")
    if kept := found.get("pitr"):
        _show_archive(env, kept)
    say(loss(env, rows, kept=kept))


def _show_archive(env: Environment, kept: Row) -> None:
    """Print the base backups, and from when to when any moment can be returned to."""
    say("")
    table.rows(BASES, [_base(each) for each in kept["bases"]])
    say("")
    for line in stretches(kept):
        say(line)
    if kept["windows"]:
        say(f"return to one: inv db.restore --env={env.name} --to-time=…")


def show_archive_read(found: Row, *, as_json: bool = False) -> None:
    """Print that the archive is whole, or for a program what is wrong with it."""
    if as_json:
        table.document({"ok": found["ok"], "wrong": found["wrong"]})
    elif found["ok"]:
        say(found["summary"])


def show_proofs(found: Row, *, as_json: bool = False) -> None:
    """Print what was found when backups were read back."""
    if as_json:
        table.document(found["proofs"])
        return
    columns = ("backup", "whole", "took", "size", "rows", "why_not")
    table.rows(columns, [_proof(each) for each in found["proofs"]])


def loss(
    env: Environment, rows: Sequence[Row], now: float | None = None, *, kept: Row | None = None
) -> str:
    """Say what would be lost with the database at this moment; `kept` tells of its archive."""
    if kept:
        return f"If the database is lost now: {kept['summary']}."
    if not rows:
        return "If the database is lost now, everything is lost."
    since = human_age(rows[0]["at"], now)
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


def _row(row: Row) -> dict[str, object]:
    recovery = row["recovery_seconds"]
    release = f"{row['release']} ({short(row['commit'])})" if row["release"] else "-"
    return {
        "backup": row["id"],
        "age": human_age(row["at"]),
        "size": sized(row["size"]),
        "took": human_seconds(row["seconds"]),
        "release": release,
        "migration": row["migration"] or "-",
        "rows": row["rows"],
        "verified": _verified(row),
        "recovery": human_seconds(recovery) if recovery is not None else "not measured",
        "encrypted_to": ", ".join(_shortened(each) for each in row["recipients"]),
    }


def _base(each: Row) -> dict[str, object]:
    return {
        "base_backup": each["id"],
        "age": human_age(each["at"]),
        "kind": each["kind"],
        "size": sized(each["size"]),
        "stored": sized(each["stored"]),
        "whole": each["ok"],
    }


def _verified(row: Row) -> str:
    """Say when a backup was last looked at, and how; each one is decoded while it is taken."""
    proofs = list(row["proofs"].values())
    if not proofs:
        return "as it was taken"
    last = max(proofs, key=lambda proof: (proof["at"], proof["kind"]))
    how = {"decode": "read back", "drill": "restored"}.get(last["kind"], last["kind"])
    return f"{how} {human_age(last['at'])} ago" if last["ok"] else f"NO: {last['why']}"


def _proof(each: Row) -> dict[str, object]:
    counts = each["counts"]
    return {
        "backup": each["id"],
        "whole": each["ok"],
        "took": human_seconds(each["seconds"]),
        "size": sized(counts["bytes"]) if "bytes" in counts else "",
        "rows": counts.get("rows", ""),
        "why_not": each["why"],
    }


def _public(row: Row) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in HIDDEN}


def _shortened(recipient: str) -> str:
    """Show enough of a public key to know whose it is."""
    return recipient if len(recipient) <= 20 else f"{recipient[:10]}…{recipient[-4:]}"
