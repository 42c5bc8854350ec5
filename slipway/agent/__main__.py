"""The agent's door: `python -m slipway.agent VERB`, or `--tethered` for a client elsewhere."""

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from slipway.agent import activity, dispatch
from slipway.agent.channel import SILENCE, Channel, ChannelBroken, Message
from slipway.agent.context import ChannelReporter, Context, environment, own_key
from slipway.agent.listener import Listener, SessionEnded, end_on_signals
from slipway.agent.messages.request import Reply
from slipway.agent.remote_store import RemoteStore
from slipway.backups.format.signature import Trust
from slipway.errors import SlipwayError, UsageError
from slipway.progress import Lane, Reporter
from slipway.storage.store import Store

T = TypeVar("T")


@dataclass(frozen=True)
class Failure:
    """What went wrong, as one sentence, and the exit code it means."""

    text: str
    code: int


class LogReporter:
    """Reports to the log of a container, a line each; nobody watches progress there."""

    def note(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def progress(self, label: str, current: int, total: int) -> None:
        """A log holds what happened, not how far it is."""

    def lane(self, lane: Lane) -> None:
        """Nor on which machine."""

    def started(self, step: str, describe: str, usual: float = 0.0) -> None:
        """Nor what is under way."""

    def finished(self, step: str, result: str) -> None:
        """Its last line says what came of all steps."""

    def failed(self, step: str, *, interrupted: bool) -> None:
        self.note(f"{step}: {'interrupted' if interrupted else 'failed'}")

    def undone(self, step: str) -> None:
        self.note(f"{step}: rolled back")


def main() -> int:
    """Do what the command line requests; return the exit code."""
    parser = argparse.ArgumentParser(prog="slipway.agent")
    parser.add_argument("verb", nargs="?", choices=sorted(dispatch.VERBS), metavar="VERB")
    parser.add_argument("--given", type=json.loads, default={}, metavar="JSON")
    parser.add_argument("--tethered", action="store_true", help="speak over stdin and stdout")
    parser.add_argument("--silence", type=float, default=SILENCE, help="seconds, then it is over")
    options = parser.parse_args()
    end_on_signals()
    if options.tethered:
        return _serve(options.silence)
    if not options.verb:
        parser.error("name a verb")
    reporter = LogReporter()
    store = _own_store(reporter)
    reply = _attempt(
        lambda: _run(options.verb, options.given, Context(reporter, store, Trust(key=own_key())))
    )
    if isinstance(reply, Failure):
        sys.stderr.write(f"error: {reply.text}\n" if reply.code != 130 else "interrupted\n")
        return reply.code
    reporter.note(reply.summary)
    return 0


def _run(verb: str, document: object, context: Context) -> Reply:
    activity.begin(verb)
    return dispatch.run(verb, document, context)


def _serve(silence: float) -> int:
    """Do the one thing that the other end of the channel requests."""
    out = os.dup(1)
    os.dup2(2, 1)  # whatever prints by mistake must not be taken for a message
    channel = Channel(lambda size: os.read(0, size), lambda data: _write(out, data))
    reply = _attempt(lambda: _answer(channel, silence))
    try:
        if isinstance(reply, Failure):
            channel.send("error", text=reply.text, code=reply.code)
            return reply.code
        channel.send("result", result=reply)
    except ChannelBroken as broken:
        sys.stderr.write(f"error: {reply.text if isinstance(reply, Failure) else broken}\n")
        return 1
    return 0


def _answer(channel: Channel, silence: float) -> object:
    first = channel.receive()
    if first is None or first.kind != "request":
        raise UsageError("the environment's engine is newer than yours; update your checkout")
    remote = RemoteStore(channel, str(first.fields.get("store") or ""))
    Listener(channel, remote, silence).start()
    reporter = ChannelReporter(channel)
    store = (lambda: remote) if remote.name else _own_store(reporter)
    verb = str(first.fields.get("verb"))
    activity.begin(verb)
    context = Context(reporter, store, _trust(first, remote))
    return dispatch.answer(verb, first.fields.get("request"), context)


def _trust(request: Message, remote: RemoteStore) -> Trust:
    """Return whom the client trusts; it may sign what is taken for it."""
    signers = request.fields.get("signers") or {}
    if not isinstance(signers, dict):
        raise UsageError("the environment's engine differs: signers is no mapping; deploy first")
    countersign = remote.sign if request.fields.get("countersigns") else None
    return Trust({str(key): str(who) for key, who in signers.items()}, own_key(), countersign)


def _attempt(work: Callable[[], T]) -> T | Failure:
    """Do it; turn whatever goes wrong into a sentence."""
    try:
        return work()
    except SlipwayError as error:
        return Failure(str(error), error.exit_code)
    except (KeyboardInterrupt, SessionEnded):
        return Failure("interrupted", 130)
    except Exception as error:
        # The frames tell where; the text of an unexpected error could hold anything.
        sys.stderr.write("".join(traceback.format_tb(error.__traceback__)))
        where = traceback.extract_tb(error.__traceback__)[-1]
        kind = type(error).__name__
        return Failure(f"a mistake in Slipway: {kind} in {where.filename}:{where.lineno}", 1)


def _own_store(reporter: Reporter) -> Callable[[], Store]:
    """Return what opens the store of the settings; its retries are reported."""

    def open_own() -> Store:
        from slipway.storage.open import open_store

        return open_store(os.environ, environment(), reporter=reporter)

    return open_own


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    sys.exit(main())
