"""The one place that says which tasks exist and under which names."""

from invoke.collection import Collection

from slipway.project import IS_THIN, ROOT

from . import (
    backup,
    backups,
    benchmark,
    bootstrap,
    completion,
    data,
    db,
    deploy,
    dev,
    env,
    files,
    images,
    jobs,
    kit,
    lease,
    machine,
    maintenance,
    new,
    own,
    release,
    runbook,
    secret_files,
    secret_versions,
    secrets,
    team,
    test,
)
from .group import Group, register
from .usage import check_command_line

namespace = register(
    Collection(
        bootstrap.bootstrap,
        dev.up,
        dev.down,
        dev.open_,
        dev.logs,
        dev.execute,
        deploy.deploy,
        deploy.plan,
        deploy.rollback,
        deploy.status,
        deploy.verify,
        deploy.releases,
        maintenance.maintenance,
        backup.backup,
        jobs.run,
        jobs.console,
        jobs.restart,
        deploy.prune,
        deploy.destroy,
        test.test,
        completion.completion,
        Group("db", db, data, backups),  # the schema, what is in the database, what is kept of it
        Group("env", env),
        Group("files", files),  # what services keep in volumes beside the database
        Group("images", images),
        Group("kit", kit),
        Group("lease", lease),
        Group("machine", machine),
        Group("release", release),
        Group("runbook", runbook),
        Group("secrets", secrets, secret_files, secret_versions),
        Group("team", team),
    )
)

if IS_THIN:
    own.add(namespace, ROOT / "tasks")
else:
    namespace.add_task(new.new)
    namespace.add_task(benchmark.benchmark)  # measures what the kit's own documents claim

# Invoke loads this file before it parses the command line for tasks.
check_command_line(namespace)
