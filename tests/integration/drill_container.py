"""A container for drills beside a database, on a network that leads nowhere, as it is deployed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.integration.postgres_stack import OPS, PostgresStack

SEALED = ("--init", "--read-only", "--cap-drop", "ALL", "--restart", "always", "--tmpfs", "/tmp")
ROOM = "/var/lib/drill"


@dataclass(frozen=True)
class DrillStack:
    """A database, its ops container, and the id of the container for drills."""

    stack: PostgresStack
    drill: str


@contextmanager
def with_drill(place: PostgresStack, *options: str) -> Iterator[DrillStack]:
    """The same database with an ops container that has one for drills beside it."""
    corner = place.corner
    network = f"{corner.app}-drill"
    corner.docker("network", "create", "--internal", "--label", corner.label, network)
    here = ("--network", network, "--network-alias", "drill", "--user", "10002:10002")
    rooms = ("--volume", ROOM, "--env", f"SLIPWAY_SCRATCH={ROOM}")
    program = ("python", "-m", "slipway.agent.drill_server")
    container = corner.run(OPS, *program, options=(*SEALED, *here, *rooms))
    with place.beside("--env", "DRILL_SERVER=drill", *options) as stack:
        corner.docker("network", "connect", network, stack.ops)
        yield DrillStack(stack, container)
    corner.docker("rm", "--force", "--volumes", container)
    corner.docker("network", "rm", network)


@pytest.fixture
def apart(place: PostgresStack) -> Iterator[PostgresStack]:
    """The stack with a container for drills."""
    with with_drill(place) as there:
        yield there.stack
