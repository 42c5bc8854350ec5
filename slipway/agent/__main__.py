"""The door inside: `python -m slipway.agent VERB`, or `--tethered` for a person elsewhere."""

import argparse
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from slipway.agent.channel import SILENCE, Channel, ChannelBroken
from slipway.agent.context import ChannelReporter, Command, Context, summary
from slipway.agent.listener import Listener, SessionEnded, end_on_signals
from slipway.agent.remote_store import RemoteStore
from slipway.errors import SlipwayError, UsageError
from slipway.progress import Reporter
from slipway.storage.store import Store

# Each verb and the function that does it; a module is loaded only when its verb is asked for.
VERBS = {
    "migrate": "slipway.agent.commands.migrations:migrate",
    "rollback": "slipway.agent.commands.migrations:rollback",
    "status": "slipway.agent.commands.migrations:status",
    "plan": "slipway.agent.commands.migrations:plan",
    "baseline": "slipway.agent.commands.migrations:baseline",
    "schema": "slipway.agent.commands.migrations:schema",
    "wait": "slipway.agent.commands.migrations:wait",
    "reset": "slipway.agent.commands.data:reset",
    # Verbs of their own: an engine deployed before would overlook a flag, and do it.
    "reset-plan": "slipway.agent.commands.data:plan_reset",
    "seed": "slipway.agent.commands.data:sow",
    "query": "slipway.agent.commands.data:ask",
    "backup": "slipway.agent.commands.backups:backup",
    "backup-plan": "slipway.agent.commands.backups:plan_backup",
    "backups": "slipway.agent.commands.backups:backups",
    "verify": "slipway.agent.commands.backups:verify",
    "prune": "slipway.agent.commands.prune:prune",
    "restore": "slipway.agent.commands.restore:restore",
    "undo": "slipway.agent.commands.restore:undo",
    "drill": "slipway.agent.commands.restore:drill",
    "recover": "slipway.agent.commands.recover:recover",
    "job": "slipway.agent.commands.jobs:job",
    "results": "slipway.agent.commands.jobs:results",
}


@dataclass(frozen=True)
class Failure:
    """What went wrong, as one sentence, and the exit code it means."""

    text: str
    code: int


class LogReporter:
    """Tells the log of a container, a line each; nobody watches progress there."""

    def note(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def progress(self, label: str, current: int, total: int) -> None:
        """A log holds what happened, not how far it is."""

    def started(self, step: str, describe: str) -> None:
        """Nor what is under way."""

    def finished(self, step: str, result: str) -> None:
        """Its last line says what came of all steps."""

    def failed(self, step: str, *, interrupted: bool) -> None:
        self.note(f"{step}: {'interrupted' if interrupted else 'failed'}")

    def undone(self, step: str) -> None:
        self.note(f"{step}: taken back")


def main() -> int:
    """Do what was asked; return the exit code."""
    parser = argparse.ArgumentParser(prog="slipway.agent")
    parser.add_argument("verb", nargs="?", choices=sorted(VERBS), metavar="VERB")
    parser.add_argument("--given", type=json.loads, default={}, metavar="JSON")
    parser.add_argument("--tethered", action="store_true", help="speak over stdin and stdout")
    parser.add_argument("--silence", type=float, default=SILENCE, help="seconds, then it is over")
    asked = parser.parse_args()
    end_on_signals()
    if asked.tethered:
        return _serve(asked.silence)
    if not asked.verb:
        parser.error("name a verb")
    report = LogReporter()
    answer = _answer(lambda: _verb(asked.verb)(Context(asked.given, report, _own_store(report))))
    if isinstance(answer, Failure):
        sys.stderr.write(f"error: {answer.text}\n" if answer.code != 130 else "interrupted\n")
        return answer.code
    report.note(summary(answer))
    return 0


def _serve(silence: float) -> int:
    """Do the one thing that the other end of the line asks for."""
    out = os.dup(1)
    os.dup2(2, 1)  # whatever prints by mistake must not be taken for a message
    channel = Channel(lambda size: os.read(0, size), lambda data: _write(out, data))
    answer = _answer(lambda: _ask_and_do(channel, silence))
    try:
        if isinstance(answer, Failure):
            channel.send("error", text=answer.text, code=answer.code)
            return answer.code
        channel.send("result", result=answer)
    except ChannelBroken as broken:
        sys.stderr.write(f"error: {answer.text if isinstance(answer, Failure) else broken}\n")
        return 1
    return 0


def _ask_and_do(channel: Channel, silence: float) -> dict[str, Any]:
    first = channel.receive()
    if first is None or first.kind != "verb":
        raise UsageError("the first message names a verb")
    far = RemoteStore(channel, str(first.fields.get("store") or ""))
    Listener(channel, far, silence).start()
    report = ChannelReporter(channel)
    store = (lambda: far) if far.name else _own_store(report)
    verb = _verb(str(first.fields["verb"]))
    return verb(Context(first.fields.get("given") or {}, report, store))


def _answer(work: Callable[[], dict[str, Any]]) -> "dict[str, Any] | Failure":
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


def _verb(name: str) -> Command:
    if name not in VERBS:
        raise UsageError(f"the environment does not know {name!a} yet; deploy first")
    module, _, function = VERBS[name].partition(":")
    found: Command = getattr(importlib.import_module(module), function)
    return found


def _own_store(report: Reporter) -> Callable[[], Store]:
    """The store of the settings, opened when it is wanted; what it tries again is told."""

    def opened() -> Store:
        from slipway.storage.open import open_store

        return open_store(os.environ, os.environ.get("ENVIRONMENT", "dev"), reporter=report)

    return opened


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    sys.exit(main())
