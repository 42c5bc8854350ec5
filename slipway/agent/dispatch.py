"""From a verb and a JSON document to the function that does it, and from its reply to JSON."""

import importlib
import typing
from collections.abc import Callable
from dataclasses import dataclass

from slipway.agent.codec import MessageError, MissingField, UnknownField, decode, encode
from slipway.agent.context import Context
from slipway.agent.messages.request import Reply, Request
from slipway.errors import UsageError

# Each verb and the function that does it; a module is loaded only when its verb is called.
VERBS = {
    "migrate": "slipway.agent.commands.migrations:migrate",
    "rollback": "slipway.agent.commands.migrations:rollback",
    "status": "slipway.agent.commands.migrations:status",
    "plan": "slipway.agent.commands.migrations:plan",
    "baseline": "slipway.agent.commands.migrations:baseline",
    "schema": "slipway.agent.commands.migrations:schema",
    "wait": "slipway.agent.commands.migrations:wait",
    "reset": "slipway.agent.commands.data:reset",
    "seed": "slipway.agent.commands.data:seed",
    "query": "slipway.agent.commands.data:query",
    "backup": "slipway.agent.commands.backups:backup",
    "backups": "slipway.agent.commands.backups:backups",
    "verify": "slipway.agent.commands.backups:verify",
    "prune": "slipway.agent.commands.prune:prune",
    "restore": "slipway.agent.commands.restore:restore",
    "import": "slipway.agent.commands.imports:take_over",
    "undo": "slipway.agent.commands.restore:undo",
    "drill": "slipway.agent.commands.restore:drill",
    "recover": "slipway.agent.commands.recover:recover",
    "job": "slipway.agent.commands.jobs:job",
    "results": "slipway.agent.commands.jobs:results",
    "files": "slipway.agent.commands.files:files",
}


@dataclass(frozen=True)
class Command:
    """A function that does one thing to the environment's database, and what it takes."""

    request: type[Request[Reply]]
    run: Callable[[Request[Reply], Context], Reply]


def find(verb: str) -> Command:
    """Load the command of a verb; its first parameter says which request it takes."""
    if verb not in VERBS:
        raise UsageError(f"the environment does not know {verb[:60]!a} yet; deploy first")
    module, _, function = VERBS[verb].partition(":")
    run = getattr(importlib.import_module(module), function)
    return Command(typing.get_type_hints(run)["request"], run)


def run(verb: str, document: object, context: Context) -> Reply:
    """Do what a document requests. Raises UsageError for one that is no such request."""
    command = find(verb)
    return command.run(decode(command.request, document), context)


def answer(verb: str, document: object, context: Context) -> object:
    """Do what a client requests; return the reply for it. Says which of the two ends is older."""
    command = find(verb)
    try:
        request = decode(command.request, document)
    except UnknownField as error:
        raise UsageError(f"the environment's engine is older: no {error}; deploy first") from None
    except MissingField as error:
        raise UsageError(
            f"the environment's engine is newer: it needs {error}; update this checkout"
        ) from None
    except MessageError as error:
        raise UsageError(f"the environment's engine differs: {error}; deploy first") from None
    return encode(command.run(request, context))
