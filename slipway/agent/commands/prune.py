"""Pruning beside the database: old backups in the store, and databases that restores replaced."""

import dataclasses
import os
from datetime import UTC, datetime
from typing import Any

from slipway.agent.context import Context
from slipway.backups.format.manifest import moment
from slipway.backups.schedule import job_results
from slipway.backups.schedule import prune as pruning
from slipway.backups.schedule.policy import Policy
from slipway.database import siblings
from slipway.database.connection import server
from slipway.errors import SlipwayError
from slipway.progress import Reporter


def prune(work: Context) -> dict[str, Any]:
    """Remove what the policy does not keep; with `plan`, only say what it would be."""
    policy = Policy.from_json(work.given["policy"])
    plan = bool(work.given.get("plan"))
    store, now = work.store(), datetime.now(UTC)
    last = [*job_results.read_all(store).values()]
    database = os.environ.get("DATABASE_NAME", "")
    found = pruning.Pruning(store, policy, work.report, now, plan, database).run(last)
    told = found.summary(plan) if found else "the store may not be listed; nothing was pruned"
    document = dataclasses.asdict(found) if found else {}
    if not (found and found.held):
        dropped = _drop_replaced(policy, now, plan, work.report)
        document["databases"] = dropped
        if dropped:
            would = "would be " if plan else ""
            told += f"; {pruning.counted(dropped, 'replaced database')} {would}dropped"
    return document | {"plan": plan, "summary": told}


def _drop_replaced(policy: Policy, now: datetime, plan: bool, report: Reporter) -> list[str]:
    """Drop databases that a restore replaced long ago; trouble there hinders no pruning here."""
    dropped: list[str] = []
    try:
        known = server()
        replaced = siblings.old_databases(known)
    except SlipwayError as error:
        report.note(f"databases that restores replaced stay: {error}")
        return dropped
    for kept in replaced:
        age = now - moment(kept.stamp)
        if age.total_seconds() <= policy.keep_replaced:
            continue
        try:
            if not plan:
                siblings.drop_old(known, kept.name)
        except SlipwayError as error:
            report.note(f"a database that a restore replaced stays: {error}")
            continue
        dropped.append(kept.name)
    return dropped
