"""The one place that says which tasks exist and under which names."""

from invoke.collection import Collection

from tasks import benchmark, bootstrap, deploy, loop, machine, secrets, test
from tasks.usage import check_command_line

namespace = Collection(
    bootstrap.bootstrap,
    loop.up,
    loop.down,
    loop.logs,
    loop.execute,
    deploy.deploy,
    deploy.rollback,
    deploy.status,
    deploy.verify,
    deploy.destroy,
    test.test,
    benchmark.benchmark,
    machine=Collection.from_module(machine),
    secrets=Collection.from_module(secrets),
)

# Invoke loads this file before it parses the command line for tasks.
check_command_line(namespace)
