"""A throw-away server in a container of its own, which holds no secret and has no way out."""

import contextlib
import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from slipway.database import throwaway
from slipway.database.connection import MAINTENANCE, Server
from slipway.errors import UNREADABLE, SlipwayError
from slipway.progress import Reporter

NAME = "DRILL_SERVER"  # the setting of ops that names the container
CONTROL, PORT = 5433, 5432
START = 30.0  # seconds: to be started anew after the caller before, and to make an empty server
LARGEST = 4096  # bytes of a reply
POLL = 0.5
REMEDY = (
    "add the service drill of a new project's compose/slipway.yml, with its network and volume, "
    "and DRILL_SERVER of ops, and deploy"
)


@dataclass(frozen=True)
class TrialServer:
    """An empty server to try a restore in; `free` bytes for it, in ops also for the dump."""

    server: Server
    free: int
    is_in_ops: bool


def is_named(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment has a container of its own for that."""
    return bool(environ.get(NAME))


@contextlib.contextmanager
def trial_server(
    reporter: Reporter, environ: Mapping[str, str] = os.environ
) -> Iterator[TrialServer]:
    """Have an empty server for a block: in its own container, or in this where none is named."""
    host = environ.get(NAME, "")
    if not host:
        reporter.note(
            f"the restore is tried inside ops; a container of its own holds no secret: set {NAME} "
            "as compose/slipway.yml of a new project does"
        )
        with throwaway.throwaway(reporter) as server:
            yield TrialServer(server, throwaway.room(), is_in_ops=True)
        return
    with _asked(host) as free, tempfile.NamedTemporaryFile(prefix="no-password-") as nothing:
        empty = Path(nothing.name)  # nobody else is on that network
        server = Server(host, PORT, throwaway.USER, MAINTENANCE, empty, plain=True)
        yield TrialServer(server, free, is_in_ops=False)
    _wait_until_anew(host)


@contextlib.contextmanager
def _asked(host: str) -> Iterator[int]:
    """Have the server for as long as the connection lasts; yield the bytes that are free there."""
    with _connected(host) as connection:
        yield _free(connection, host)


def _free(connection: socket.socket, host: str) -> int:
    """Ask for the server; return how many bytes are free where it is. Raises SlipwayError."""
    connection.settimeout(throwaway.START)
    try:
        connection.sendall(b"\n")
        with connection.makefile("rb") as lines:
            answer = json.loads(lines.readline(LARGEST) or b"{}")
        if "free" in answer:
            return int(answer["free"])
        reason = str(answer.get("error", "it ended without an answer"))
    except (OSError, *UNREADABLE) as error:
        reason = str(error)
    raise SlipwayError(f"{host} gave no server to try the restore in: {reason}")


def _connected(host: str, patience: float = START) -> socket.socket:
    """Connect; it starts anew after each caller, and has one at a time."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return socket.create_connection((host, CONTROL), timeout=5)
        except OSError as error:
            if time.monotonic() > deadline:
                raise SlipwayError(
                    f"{host}, in which restores are tried, does not answer ({error}); is another "
                    "drill or restore under way?"
                ) from None
            time.sleep(POLL)


def _wait_until_anew(host: str) -> None:
    """Give it the time to start again, so that nobody who looks takes it for one that is down."""
    with contextlib.suppress(SlipwayError):
        _connected(host).close()
