"""The door of the container with the volumes: a request in a variable, the answer in the log."""

import json
import os
import sys
import traceback
from collections.abc import Callable

from slipway.agent.codec import decode, encode
from slipway.errors import SlipwayError, reason
from slipway.files import backups, receive, restore
from slipway.files.backups import Work
from slipway.files.messages import (
    ANSWER,
    REQUEST,
    SAYS,
    FilesFailure,
    FilesReply,
    FilesRequest,
)
from slipway.files.repository import open_repository
from slipway.files.restic import Restic
from slipway.progress import Silent

VERBS: dict[str, Work] = {
    "backup": backups.take,
    "list": backups.read_list,
    "verify": backups.verify,
    "prune": backups.prune,
    "drill": restore.drill,
    "fill": restore.fill,
}
# What is done without backups, in an environment that may have none.
ALONE: dict[str, Callable[[FilesRequest], FilesReply]] = {
    "exchange": restore.exchange,
    "replaced": restore.replaced,
    "measure": receive.measure,
    "receive": receive.receive,
}
NOTHING = "this container backs up and restores files when it is asked to: inv files.backup\n"


class Log(Silent):
    """Tells the container's log what happens."""

    def note(self, text: str) -> None:
        print(f"{SAYS}{text}", flush=True)

    def progress(self, label: str, current: int, total: int) -> None:
        of = f" of {total / 1e6:.0f}" if total else ""
        print(f"{SAYS}{label}, {current / 1e6:.0f}{of} MB", flush=True)


def main() -> int:
    """Do what is requested; return the exit code."""
    text = os.environ.get(REQUEST)
    if not text:
        sys.stderr.write(NOTHING)
        return 2
    answer = _attempt(text)
    print(ANSWER)
    print(json.dumps(encode(answer), indent=0), flush=True)  # short lines: a log splits long ones
    return answer.code if isinstance(answer, FilesFailure) else 0


def _attempt(text: str) -> FilesReply | FilesFailure:
    try:
        request = decode(FilesRequest, json.loads(text))
        if work := ALONE.get(request.verb):
            return work(request)
        if request.verb not in VERBS:
            return FilesFailure(f"{request.verb[:40]!a} is not known here; deploy first", 2)
        environment = os.environ["ENVIRONMENT"]
        restic = Restic(open_repository(os.environ, environment), Log())
        return VERBS[request.verb](request, restic)
    except SlipwayError as error:
        return FilesFailure(str(error), error.exit_code)
    except OSError as error:
        name = f"{os.fsdecode(error.filename)!a}: " if error.filename else ""
        return FilesFailure(reason(f"{name}{error.strerror or error}"), 1)
    except Exception as error:
        # The frames tell where; the text of an unexpected error could hold anything.
        sys.stderr.write("".join(traceback.format_tb(error.__traceback__)))
        where = traceback.extract_tb(error.__traceback__)[-1]
        kind = type(error).__name__
        return FilesFailure(f"a mistake in Slipway: {kind} in {where.filename}:{where.lineno}", 1)


if __name__ == "__main__":
    sys.exit(main())
