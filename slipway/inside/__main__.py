"""The door inside: `python -m slipway.inside VERB`, or `--tethered` for a person elsewhere."""

import argparse
import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from typing import Never

from slipway.errors import SlipwayError, UsageError
from slipway.inside.channel import SILENCE, Broken, Channel
from slipway.inside.tether import TetheredStore
from slipway.inside.work import FarReport, Verb, Work, summary
from slipway.storage.store import Store

# Each verb and the function that does it; a module is loaded only when its verb is asked for.
VERBS = {
    "migrate": "slipway.inside.migrating:migrate",
    "rollback": "slipway.inside.migrating:rollback",
    "status": "slipway.inside.migrating:status",
    "plan": "slipway.inside.migrating:plan",
    "baseline": "slipway.inside.migrating:baseline",
    "schema": "slipway.inside.migrating:schema",
    "wait": "slipway.inside.migrating:wait",
    "reset": "slipway.inside.resetting:reset",
    "seed": "slipway.inside.resetting:seed",
    "query": "slipway.inside.resetting:query",
    "backup": "slipway.inside.keeping:backup",
    "backups": "slipway.inside.keeping:backups",
    "verify": "slipway.inside.keeping:verify",
    "prune": "slipway.inside.keeping:prune",
    "restore": "slipway.inside.restoring:restore",
    "undo": "slipway.inside.restoring:undo",
    "drill": "slipway.inside.restoring:drill",
    "job": "slipway.inside.scheduled:job",
    "results": "slipway.inside.scheduled:results",
}
GRACE = 10.0  # for what was begun to be taken back, once nobody listens


class Ended(BaseException):
    """Told to stop: the person is gone, or the container is."""


class LogReport:
    """Tells the log of a container, a line each; nobody watches progress there."""

    def note(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def progress(self, what: str, done: int, total: int) -> None:
        """A log holds what happened, not how far it is."""


def main() -> int:
    """Do what was asked; return the exit code."""
    parser = argparse.ArgumentParser(prog="slipway.inside")
    parser.add_argument("verb", nargs="?", choices=sorted(VERBS), metavar="VERB")
    parser.add_argument("--given", type=json.loads, default={}, metavar="JSON")
    parser.add_argument("--tethered", action="store_true", help="speak over stdin and stdout")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
    if asked.tethered:
        return _serve()
    if not asked.verb:
        parser.error("name a verb")
    try:
        result = _verb(asked.verb)(Work(asked.given, LogReport(), _own_store))
    except SlipwayError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except (KeyboardInterrupt, Ended):
        sys.stderr.write("interrupted\n")
        return 130
    sys.stdout.write(f"{summary(result)}\n")
    return 0


def _serve() -> int:
    """Do the one thing that the other end of the line asks for."""
    out = os.dup(1)
    os.dup2(2, 1)  # whatever prints by mistake must not be taken for a message
    channel = Channel(lambda size: os.read(0, size), lambda data: _write(out, data))
    first = channel.receive()
    if first is None or first.kind != "verb":
        raise Broken("the first message names a verb")
    far = TetheredStore(channel, str(first.fields.get("store") or ""))
    listener = threading.Thread(target=_listen, args=(channel, far), daemon=True)
    listener.start()
    store = (lambda: far) if far.name else _own_store
    try:
        name, given = str(first.fields["verb"]), first.fields.get("given") or {}
        result = _verb(name)(Work(given, FarReport(channel), store))
        channel.send("result", result=result)
    except SlipwayError as error:
        return _say(channel, str(error), error.exit_code)
    except (KeyboardInterrupt, Ended):
        return _say(channel, "interrupted", 130)
    except Exception as error:
        # The frames tell where; the text of an unexpected error could hold anything.
        frames = "".join(traceback.format_tb(error.__traceback__))
        sys.stderr.write(frames)
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"a mistake in Slipway: {type(error).__name__} in {where.filename}:{where.lineno}"
        return _say(channel, text, 1)
    return 0


def _listen(channel: Channel, far: TetheredStore) -> None:
    """Pass answers on; end everything when the person is gone, by the line or by its silence."""
    heard = [time.monotonic()]
    busy = [False]
    watch = threading.Thread(target=_mind_silence, args=(heard, busy), daemon=True)
    watch.start()
    try:
        while (message := channel.receive()) is not None:
            heard[0] = time.monotonic()
            if message.kind.startswith("store."):
                busy[0] = True  # waiting for the consumer of a chunk is no silence
                far.hear(message)
                busy[0] = False
                heard[0] = time.monotonic()
    except (Broken, OSError):
        pass
    _stop(far)


def _mind_silence(heard: list[float], busy: list[bool]) -> None:
    while busy[0] or time.monotonic() - heard[0] < SILENCE:
        time.sleep(1)
    _stop(None)


def _stop(far: TetheredStore | None) -> None:
    if far is not None:
        far.hear(None)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(130)  # children end with us (slipway.database.children)


def _end(*_: object) -> Never:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough; what follows is tidying up
    raise Ended


def _verb(name: str) -> Verb:
    if name not in VERBS:
        raise UsageError(f"the environment does not know {name!a} yet; deploy first")
    module, _, function = VERBS[name].partition(":")
    found: Verb = getattr(importlib.import_module(module), function)
    return found


def _own_store() -> Store:
    from slipway.storage.open import open_store

    return open_store(os.environ, os.environ.get("ENVIRONMENT", "dev"))


def _say(channel: Channel, text: str, code: int) -> int:
    try:
        channel.send("error", text=text, code=code)
    except Broken:
        sys.stderr.write(f"error: {text}\n")
    return code


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    sys.exit(main())
