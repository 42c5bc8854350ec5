"""Verbs that only tests know, run beside a database as the real ones are: `python -m rehearsal`."""

import hashlib
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from slipway.agent import __main__ as agent
from slipway.agent import dispatch
from slipway.agent.context import Context
from slipway.agent.messages.request import Request
from slipway.database.processes import started

CHUNK = 1 << 20
TIDIED = Path("/tmp/tidied")


@dataclass(frozen=True)
class Transfer:
    """An object that was put or fetched, and how much memory that took at its peak."""

    size: int
    sha256: str
    peak: int
    summary: str = ""


@dataclass(frozen=True)
class Listing:
    """The keys that were listed in the middle of something else."""

    names: tuple[str, ...]
    summary: str = ""


@dataclass(frozen=True)
class Printed:
    """What is left to say after a stray line."""

    summary: str


@dataclass(frozen=True)
class PutRequest(Request[Transfer]):
    """Put a large object."""

    verb: ClassVar[str] = "put"
    key: str
    chunks: int


@dataclass(frozen=True)
class FetchRequest(Request[Transfer]):
    """Get an object, and wait after each chunk."""

    verb: ClassVar[str] = "fetch"
    key: str
    pause: float = 0


@dataclass(frozen=True)
class ListWhileFetchingRequest(Request[Listing]):
    """List and put in the middle of a large object."""

    verb: ClassVar[str] = "list_while_fetching"
    key: str


@dataclass(frozen=True)
class FailRequest(Request[Transfer]):
    """Fail in the middle of a put, with a secret in the error's text."""

    verb: ClassVar[str] = "fail"
    secret: str


@dataclass(frozen=True)
class HoldRequest(Request[Printed]):
    """Hold a child and an open upload until somebody ends this."""

    verb: ClassVar[str] = "hold"


@dataclass(frozen=True)
class PrintRequest(Request[Printed]):
    """Print where only messages belong."""

    verb: ClassVar[str] = "stray"


REQUESTS = (
    *(PutRequest, FetchRequest, ListWhileFetchingRequest),
    *(FailRequest, HoldRequest, PrintRequest),
)


def put(request: PutRequest, context: Context) -> Transfer:
    digest = hashlib.sha256()

    def chunks() -> Iterator[bytes]:
        block = bytes(range(256)) * (CHUNK // 256)
        for number in range(request.chunks):
            chunk = number.to_bytes(8, "big") + block[8:]
            digest.update(chunk)
            context.reporter.progress("putting", number, request.chunks)
            yield chunk

    size = context.store().put(request.key, chunks())
    return Transfer(size, digest.hexdigest(), _peak())


def fetch(request: FetchRequest, context: Context) -> Transfer:
    digest, size = hashlib.sha256(), 0
    for chunk in context.store().get(request.key):
        digest.update(chunk)
        size += len(chunk)
        time.sleep(request.pause)
    return Transfer(size, digest.hexdigest(), _peak())


def list_while_fetching(request: ListWhileFetchingRequest, context: Context) -> Listing:
    store = context.store()
    names = []
    for _ in store.get(request.key):
        names = [entry.key for entry in store.entries()]
        store.put("small", [b"x"])
        break
    return Listing(tuple(names))


def fail(request: FailRequest, context: Context) -> Transfer:
    def chunks() -> Iterator[bytes]:
        yield b"x" * CHUNK
        raise ArithmeticError(request.secret)

    return Transfer(context.store().put("broken", chunks()), "", 0)


def hold(request: HoldRequest, context: Context) -> Printed:
    with started(["sleep", "4711"]):
        try:
            context.reporter.note("holding")
            context.store().put("held.dump.age", _endless())
        finally:
            TIDIED.write_text("tidied")
    return Printed("")


def stray(request: PrintRequest, context: Context) -> Printed:
    print("a stray line")
    sys.stdout.flush()
    return Printed("printed")


def _endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 1000
        time.sleep(0.1)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    own: tuple[Callable[..., object], ...] = (put, fetch, list_while_fetching, fail, hold, stray)
    dispatch.VERBS.update({verb.__name__: f"rehearsal:{verb.__name__}" for verb in own})
    sys.exit(agent.main())
