"""The one place that says which tasks exist and under which names."""

from invoke.collection import Collection

from tasks import (
    backups,
    benchmark,
    bootstrap,
    data,
    db,
    deploy,
    dev,
    machine,
    runbook,
    secrets,
    test,
)
from tasks.usage import check_command_line

# One prefix, three modules: the schema, what is in the database, what is kept of it.
database = Collection.from_module(db, name="db")
for module in (data, backups):
    for task in Collection.from_module(module).tasks.values():
        database.add_task(task)

namespace = Collection(
    bootstrap.bootstrap,
    dev.up,
    dev.down,
    dev.logs,
    dev.execute,
    deploy.deploy,
    deploy.rollback,
    deploy.status,
    deploy.verify,
    deploy.destroy,
    test.test,
    benchmark.benchmark,
    database,
    machine=Collection.from_module(machine),
    runbook=Collection.from_module(runbook),
    secrets=Collection.from_module(secrets),
)

# Invoke loads this file before it parses the command line for tasks.
check_command_line(namespace)
