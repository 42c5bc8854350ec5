"""What is in the database, from inside: begun anew, seeded, asked."""

import os
from collections.abc import Mapping
from typing import Any

from slipway.agent.commands import backups
from slipway.agent.commands.migrations import FOLDER
from slipway.agent.context import Context
from slipway.database import identity, query, seed
from slipway.database.connection import Server, server
from slipway.database.reset import ResetOptions
from slipway.database.reset import reset as replace
from slipway.environments import protection
from slipway.environments.protection import Here
from slipway.migrations import files, runner


def reset(work: Context) -> dict[str, Any]:
    """Begin the database anew: kept as a backup, then made, migrated, seeded and swapped in."""
    kept: list[str] = []

    def before(old: Server) -> None:
        with old.connect(application="slipway reset") as connection:
            row = identity.read(connection)
        # Where it is not what it says, even dev's may hold what somebody needs.
        if row != _setting() or protection.refuses(Here(_setting()), "discard"):
            kept.append(str(backups.backup(work)["backup"]["id"]))
            work.report.note(f"kept as backup {kept[0]}")

    def fill(new: Server) -> None:
        texts = work.given.get("migrations")
        found = files.read(FOLDER) if texts is None else files.from_texts(texts)
        runner.migrate(new, found, work.report, runner.MigrationOptions(by=_by(work)))
        seed.sow(new, _seeds(work), work.report)

    done = replace(server(), ResetOptions(_asked(work), _setting(), before, fill), work.report)
    summary = f"{_setting()} has a new database"
    if kept:
        summary += f"; the old one is backup {kept[0]}"
    return {"backup": kept[0] if kept else None, "ended": done.ended, "summary": summary}


def sow(work: Context) -> dict[str, Any]:
    """Put the sample rows into the database that is there."""
    place = server()
    with place.connect(application=seed.APPLICATION) as connection:
        row = identity.read(connection)
    identity.refuse_unless(_asked(work), _setting(), row, "seed")
    done = seed.sow(place, _seeds(work), work.report)
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
