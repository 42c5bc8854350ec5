"""A connection to an environment's ops container: open it, call the agent, close it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from slipway.agent.messages.request import Reply, Request
from slipway.client import call, container, signing
from slipway.client.container import Container
from slipway.client.grant import Grant
from slipway.cluster import lease, ledger
from slipway.cluster.observed import Observed, observe
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.hosts import docker_client
from slipway.hosts.host import Host
from slipway.hosts.local import LocalHost
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.progress import Reporter

R = TypeVar("R", bound=Reply)


@dataclass(frozen=True)
class Session:
    """An environment and its ops container; `cluster` is None for the hacking loop."""

    env: Environment
    ops: Container
    cluster: Cluster | None

    @property
    def manager(self) -> Host | None:
        """The machine to ask what is deployed, where anything is."""
        return self.cluster.manager if self.cluster is not None else None

    @property
    def database(self) -> Container:
        """The container of the database itself. Raises Refused where it runs elsewhere."""
        hosts = self.cluster.all if self.cluster is not None else [self.ops.host]
        return container.database(hosts, self.ops)

    def call(self, request: Request[R], reporter: Reporter, grant: Grant | None = None) -> R:
        """Have the agent do what is requested; of a store here it may use what is granted."""
        return call.call(self.ops, request, reporter, grant, signing.signers(self.env))

    @contextlib.contextmanager
    def locked(self, reason: str, *, needed: bool = True) -> Iterator[None]:
        """Hold the lease of the environment, so that nobody deploys; the hacking loop has none."""
        if self.manager is None or not needed:
            yield
            return
        with lease.hold(self.manager, self.env.prefix, reason):
            yield


@contextlib.contextmanager
def connected(env: Environment | None) -> Iterator[Session]:
    """Connect to an environment, or to the hacking loop, for a block.

    Raises Refused when nothing runs beside its database.
    """
    if env is None:
        loop = environment.load("dev")
        here = LocalHost(docker_client.look().engine)
        yield Session(loop, container.hacking(here, loop.project), None)
        return
    with connect.connected(env, lenient=True) as cluster:
        _refuse_another_database(env, observe(cluster.manager, env.prefix))
        yield Session(env, container.deployed(cluster.all, env.prefix, env.name), cluster)


def _refuse_another_database(env: Environment, observed: Observed) -> None:
    if difference := ledger.another_database(observed, env.prefix):
        raise Refused(
            f"the operations of {env.name} are at another database than its users: {difference}. "
            f"Nothing was done; a deploy or a rollback brings them together: "
            f"inv status --env={env.name}"
        )


def call_once(env: Environment | None, request: Request[R], reporter: Reporter) -> R:
    """Connect, have the agent do what is requested, close the connection."""
    with connected(env) as session:
        return session.call(request, reporter)
