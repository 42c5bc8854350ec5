"""What is in the database, from inside: begun anew, seeded, asked."""

import os
from collections.abc import Mapping
from typing import Any

from slipway.agent.commands import backups
from slipway.agent.commands.migrations import FOLDER
from slipway.agent.context import Context, plan_document
from slipway.database import identity, query, seed
from slipway.database.connection import Server, server
from slipway.database.reset import Reset, ResetSpec
from slipway.migrations import files, runner


def reset(work: Context) -> dict[str, Any]:
    """Replace the database by a new one: backed up, then created, migrated, seeded, swapped in."""
    backup_ids: list[str] = []
    result = _resetting(work, backup_ids).run()
    summary = f"{_setting()} has a new database"
    if backup_ids:
        summary += f"; the old one is backup {backup_ids[0]}"
    return {
        "backup": backup_ids[0] if backup_ids else None,
        "ended": result.ended,
        "summary": summary,
    }


def plan_reset(work: Context) -> dict[str, Any]:
    """Say what a reset would do, and do nothing."""
    preview = _resetting(work, []).preview()
    return plan_document(preview.plan, preview.notes)


def _resetting(work: Context, backup_ids: list[str]) -> Reset:
    """Return a reset that adds the id of its backup, where it takes one."""

    def back_up() -> str:
        backup_ids.append(str(backups.backup(work)["backup"]["id"]))
        return f"kept as backup {backup_ids[0]}"

    def migrate(new: Server) -> str:
        texts = work.given.get("migrations")
        migrations = files.read(FOLDER) if texts is None else files.from_texts(texts)
        options = runner.MigrationOptions(by=_by(work))
        return f"{len(runner.migrate(new, migrations, work.report, options))} applied"

    spec = ResetSpec(_asked(work), _setting(), back_up, migrate, _seeds(work))
    return Reset(server(), spec, work.report)


def sow(work: Context) -> dict[str, Any]:
    """Put the sample rows into the database that is there."""
    place = server()
    with place.connect(application=seed.APPLICATION) as connection:
        row = identity.read(connection)
    identity.refuse_unless(_asked(work), _setting(), row, "seed")
    done = seed.run(place, _seeds(work), work.report)
    return {"files": done, "summary": f"{_setting()} is seeded: {', '.join(done) or 'no files'}"}


def ask(work: Context) -> dict[str, Any]:
    """Ask one question that only reads."""
    given = work.given
    answer = query.ask(
        server(),
        str(given["sql"]),
        limit=int(given.get("limit", query.LIMIT)),
        timeout=float(given.get("timeout", query.TIMEOUT)),
    )
    rows = len(answer.rows)
    return {
        "columns": list(answer.columns),
        "rows": [list(row) for row in answer.rows],
        "more": answer.more,
        "summary": f"{rows} row{'s' * (rows != 1)}{', and more' * answer.more}",
    }


def _asked(work: Context) -> str:
    return str(work.given.get("environment") or _setting())


def _setting() -> str:
    return os.environ.get("ENVIRONMENT", "dev")


def _by(work: Context) -> str:
    return str(work.given.get("by") or "a reset")


def _seeds(work: Context) -> Mapping[str, str]:
    found: Mapping[str, str] = work.given.get("seeds") or {}
    return found
