"""What is in the database: replaced by an empty one, seeded, queried."""

from slipway.agent.commands import backups
from slipway.agent.commands.migrations import read_files
from slipway.agent.context import Context, environment
from slipway.agent.messages.data import (
    QueryReply,
    QueryRequest,
    ResetReply,
    ResetRequest,
    SeedReply,
    SeedRequest,
)
from slipway.agent.messages.request import ChangePlan
from slipway.database import identity, roles
from slipway.database import query as database_query
from slipway.database import seed as database_seed
from slipway.database.connection import Server
from slipway.database.reset import Reset, ResetSpec
from slipway.migrations import runner


def reset(request: ResetRequest, context: Context) -> ResetReply | ChangePlan:
    """Replace the database by a new one: backed up, then created, migrated, seeded, swapped in."""
    own, backup_ids = environment(), list[str]()

    def back_up() -> str:
        backup_ids.append(backups.take_and_describe(request, context).backup.id)
        return f"kept as backup {backup_ids[0]}"

    def migrate(new: Server) -> str:
        options = runner.MigrationOptions(by=request.by or "a reset")
        migrations = read_files(request.migrations)
        roles.grant(new)  # so that what a migration takes away stays away
        applied = runner.migrate(new, migrations, context.reporter, options)
        roles.grant(new)
        return f"{len(applied)} applied"

    spec = ResetSpec(request.environment or own, own, back_up, migrate, request.seeds)
    resetting = Reset(roles.acting_as("migrator"), spec, context.reporter)
    if request.plan:
        preview = resetting.preview()
        return ChangePlan.of(preview.plan, preview.notes)
    result = resetting.run()
    summary = f"{own} has a new database"
    if backup_ids:
        summary += f"; the old one is backup {backup_ids[0]}"
    return ResetReply(backup_ids[0] if backup_ids else None, result.ended, summary)


def seed(request: SeedRequest, context: Context) -> SeedReply:
    """Put the sample rows into the database that is there."""
    database, own = roles.acting_as("migrator"), environment()
    with database.connect(application=database_seed.APPLICATION) as connection:
        row = identity.read(connection)
    identity.refuse_unless(request.environment or own, own, row, "seed")
    names = tuple(database_seed.run(database, request.seeds, context.reporter))
    return SeedReply(names, f"{own} is seeded: {', '.join(names) or 'no files'}")


def query(request: QueryRequest, context: Context) -> QueryReply:
    """Ask one question that only reads."""
    reader = roles.acting_as("reader")
    result = database_query.ask(reader, request.sql, limit=request.limit, timeout=request.timeout)
    count = len(result.rows)
    summary = f"{count} row{'s' * (count != 1)}{', and more' * result.more}"
    return QueryReply(result.columns, result.rows, result.more, summary)
