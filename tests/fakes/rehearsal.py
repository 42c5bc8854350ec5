"""Verbs that only tests know, run beside a database as the real ones are: `python -m rehearsal`."""

import hashlib
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slipway.agent import __main__ as door
from slipway.agent.context import Context
from slipway.database.processes import started

CHUNK = 1 << 20
TIDIED = Path("/tmp/tidied")


def pour(work: Context) -> dict[str, Any]:
    """Put a large object; say what went into it and how much memory that took."""
    digest = hashlib.sha256()
    size = work.store().put(work.given["key"], _poured(work, digest))
    return {"size": size, "sha256": digest.hexdigest(), "peak": _peak()}


def fetch(work: Context) -> dict[str, Any]:
    """Get an object; take each chunk slowly where that is asked for."""
    digest, size = hashlib.sha256(), 0
    for chunk in work.store().get(work.given["key"]):
        digest.update(chunk)
        size += len(chunk)
        time.sleep(work.given.get("pause", 0))
    return {"size": size, "sha256": digest.hexdigest(), "peak": _peak()}


def look_while_fetching(work: Context) -> dict[str, Any]:
    """Ask for other things in the middle of a large object, and leave it unread."""
    store = work.store()
    names = []
    for _ in store.get(work.given["key"]):
        names = [entry.key for entry in store.entries()]
        store.put("small", [b"x"])
        break
    return {"names": names}


def break_off(work: Context) -> dict[str, Any]:
    """Fail in the middle of a put."""

    def chunks() -> Iterator[bytes]:
        yield b"x" * CHUNK
        raise ArithmeticError(work.given["secret"])

    return {"size": work.store().put("broken", chunks())}


def hold(work: Context) -> dict[str, Any]:
    """Hold a child and an open upload until somebody ends this; tidy up then."""
    with started(["sleep", "4711"]):
        try:
            work.report.note("holding")
            work.store().put("held", _for_ever())
        finally:
            TIDIED.write_text("tidied")
    return {}


def shout(work: Context) -> dict[str, Any]:
    """Print where only messages belong."""
    print("a stray line")
    sys.stdout.flush()
    return {"summary": "shouted"}


def _poured(work: Context, digest: Any) -> Iterator[bytes]:
    block = bytes(range(256)) * (CHUNK // 256)
    for number in range(work.given["chunks"]):
        chunk = number.to_bytes(8, "big") + block[8:]
        digest.update(chunk)
        work.report.progress("pouring", number, work.given["chunks"])
        yield chunk


def _for_ever() -> Iterator[bytes]:
    while True:
        yield b"x" * 1000
        time.sleep(0.1)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    own = (pour, fetch, look_while_fetching, break_off, hold, shout)
    door.VERBS.update({verb.__name__: f"rehearsal:{verb.__name__}" for verb in own})
    sys.exit(door.main())
