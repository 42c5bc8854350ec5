"""The schema: migrate, roll back, look, plan, record, dump; and wait for the database."""

import time
from collections.abc import Sequence
from pathlib import Path

from slipway.agent.context import Context, environment
from slipway.agent.messages.migrations import (
    BaselineReply,
    BaselineRequest,
    MigrateRequest,
    MigrationPlanRequest,
    MigrationsReply,
    MigrationStatusRequest,
    RollbackRequest,
    SchemaReply,
    SchemaRequest,
    Texts,
    WaitReply,
    WaitRequest,
)
from slipway.database import identity, roles
from slipway.database.connection import NoDatabase, Server, server
from slipway.errors import SlipwayError
from slipway.migrations import files, runner
from slipway.migrations import status as migrations_status
from slipway.migrations.files import Migration
from slipway.migrations.runner import RunResult
from slipway.migrations.status import MigrationPlan, MigrationStatus

FOLDER = Path("/srv/migrations")  # where an image has its own


def migrate(request: MigrateRequest, context: Context) -> MigrationsReply:
    """Apply what is pending."""
    database = _own_database()
    results = runner.migrate(database, read_files(request.migrations), context.reporter, request)
    with database.connect() as connection:
        identity.ensure(connection, environment())
    roles.grant(database)
    return _describe(results, "applied", "nothing pending")


def rollback(request: RollbackRequest, context: Context) -> MigrationsReply:
    """Roll back the newest `steps` migrations."""
    database, migrations = _own_database(), read_files(request.migrations)
    results = runner.roll_back(database, migrations, context.reporter, request, request.steps)
    return _describe(results, "rolled back", "nothing to roll back")


def baseline(request: BaselineRequest, context: Context) -> BaselineReply:
    """Record what is there as applied, up to a version, and run nothing."""
    database, migrations = _own_database(), read_files(request.migrations)
    names = runner.baseline(database, migrations, context.reporter, request, request.version)
    summary = f"{_count(names)} recorded as applied; nothing was run"
    return BaselineReply(tuple(names), summary)


def status(request: MigrationStatusRequest, context: Context) -> MigrationStatus:
    """Say what is applied, what is pending and what is wrong."""
    return migrations_status.status(roles.acting_as("migrator"), read_files(request.migrations))


def plan(request: MigrationPlanRequest, context: Context) -> MigrationPlan:
    """Say what would run, with its SQL, locks and risk; opens no transaction that could write."""
    return migrations_status.plan(
        roles.acting_as("migrator"), read_files(request.migrations), request
    )


def schema(request: SchemaRequest, context: Context) -> SchemaReply:
    """Return the schema as SQL."""
    from slipway.migrations import schema_dump

    text = schema_dump.dump(roles.acting_as("migrator"))
    return SchemaReply(text, f"{text.count(chr(10))} lines of schema")


def wait(request: WaitRequest, context: Context) -> WaitReply:
    """Wait until the database answers; at once an error where waiting would not help."""
    began = time.monotonic()
    try:
        server().connect(patience=request.timeout).close()
    except NoDatabase as error:
        raise SlipwayError(f"{error} (waited {time.monotonic() - began:.0f} s)") from None
    seconds = round(time.monotonic() - began, 1)
    return WaitReply(seconds, f"the database answers, after {seconds} s")


def read_files(texts: Texts | None) -> list[Migration]:
    """Read what came from the client's checkout; else what this image was built with."""
    return files.read(FOLDER) if texts is None else files.from_texts(texts)


def _own_database() -> Server:
    """Return the way in of who migrates. Raises Refused where it is another environment's."""
    database = roles.acting_as("migrator")
    with database.connect() as connection:
        identity.refuse_another(connection, environment())
    return database


def _describe(results: Sequence[RunResult], verb: str, nothing: str) -> MigrationsReply:
    seconds = sum(result.seconds for result in results)
    summary = f"{_count(results)} {verb} in {seconds:.1f} s" if results else nothing
    return MigrationsReply(tuple(results), summary)


def _count(items: Sequence[object]) -> str:
    return f"{len(items)} migration{'s' * (len(items) != 1)}"
