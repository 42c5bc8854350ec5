"""Pruning beside the database: old backups in the store, and databases that restores replaced."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

from slipway.backups import prune as pruning
from slipway.backups import runs
from slipway.backups.policy import Policy
from slipway.inside.work import Work


def prune(work: Work) -> dict[str, Any]:
    """Remove what the policy does not keep; with `plan`, only say what it would be."""
    policy = Policy.from_json(work.given["policy"])
    plan = bool(work.given.get("plan"))
    store, now = work.store(), datetime.now(UTC)
    last = [*runs.read_all(store).values()]
    found = pruning.prune(store, policy, last, now=now, plan=plan, note=work.report.note)
    told = found.summary(plan) if found else "the store may not be listed; nothing was pruned"
    document = dataclasses.asdict(found) if found else {}
    return document | {"plan": plan, "summary": told}
