"""Pruning beside the database: old backups in the store, and databases that restores replaced."""

import os
from datetime import UTC, datetime

from slipway.agent.context import Context
from slipway.agent.messages.backups import PruneReply, PruneRequest
from slipway.backups.format.manifest import moment
from slipway.backups.schedule import job_results
from slipway.backups.schedule.policy import Policy
from slipway.backups.schedule.prune import Pruning
from slipway.database import siblings
from slipway.database.roles import acting_as
from slipway.errors import SlipwayError
from slipway.progress import Reporter


def prune(request: PruneRequest, context: Context) -> PruneReply:
    """Remove what the policy does not keep; with `plan`, only say what it would be."""
    plan, now = request.plan, datetime.now(UTC)
    if request.databases_only:
        dropped = _drop_replaced(request.policy, now, plan, context.reporter)
        return PruneReply.of_databases(dropped, plan=plan)
    store, database = context.store(), os.environ.get("DATABASE_NAME", "")
    trust = context.trust
    pruning = Pruning(store, request.policy, context.reporter, now, plan, database, trust)
    pruned = pruning.run([*job_results.read_all(store, trust=trust).values()])
    if pruned and pruned.held:
        return PruneReply.of(pruned, None, plan=plan)
    dropped = _drop_replaced(request.policy, now, plan, context.reporter)
    return PruneReply.of(pruned, dropped, plan=plan)


def _drop_replaced(policy: Policy, now: datetime, plan: bool, reporter: Reporter) -> list[str]:
    """Drop databases that a restore replaced long ago; trouble there hinders no pruning here."""
    dropped: list[str] = []
    try:
        database = acting_as("migrator")
        replaced = siblings.old_databases(database)
    except SlipwayError as error:
        reporter.note(f"databases replaced by restores were kept: {error}")
        return dropped
    for sibling in replaced:
        age = now - moment(sibling.stamp)
        if age.total_seconds() <= policy.keep_replaced:
            continue
        try:
            if not plan:
                siblings.drop_old(database, sibling.name)
        except SlipwayError as error:
            reporter.note(f"a database replaced by a restore was kept: {error}")
            continue
        dropped.append(sibling.name)
    return dropped
