"""Work beside an environment's database: connect, find the place, do the errand, hang up."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slipway.client import call, container
from slipway.client.container import Container
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.hosts.host import Host
from slipway.hosts.local import LocalHost
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.progress import Reporter
from slipway.storage.store import Store


@dataclass(frozen=True)
class Session:
    """A place beside a database; `cluster` is None for the hacking loop."""

    env: Environment
    place: Container
    cluster: Cluster | None

    @property
    def manager(self) -> Host | None:
        """The machine to ask what is deployed, where anything is."""
        return self.cluster.manager if self.cluster is not None else None

    @property
    def database(self) -> Container:
        """The container of the database itself. Raises Refused where it runs elsewhere."""
        hosts = self.cluster.all if self.cluster is not None else [self.place.host]
        return container.database(hosts, self.place)

    def do(
        self, verb: str, given: Mapping[str, Any], report: Reporter, store: Store | None = None
    ) -> dict[str, Any]:
        """Do one verb there; a `store` here is served to it."""
        return call.run(self.place, verb, given, report, store)


@contextlib.contextmanager
def connected(env: Environment | None) -> Iterator[Session]:
    """Connect to an environment, or to the hacking loop, for a block.

    Raises Refused when nothing runs beside its database.
    """
    if env is None:
        loop = environment.load("dev")
        yield Session(loop, container.hacking(LocalHost("this computer"), loop.project), None)
        return
    with connect.connected(env, lenient=True) as cluster:
        yield Session(env, container.deployed(cluster.all, env.prefix, env.name), cluster)


def do(
    env: Environment | None,
    verb: str,
    given: Mapping[str, Any],
    report: Reporter,
    store: Store | None = None,
) -> dict[str, Any]:
    """Do one verb beside an environment's database and return its result."""
    with connected(env) as beside:
        return beside.do(verb, given, report, store)
