"""Files that change places in a volume: services stop, the files are swapped, services start.

From before they stop until the files are those of one time, a mark stands in the Swarm, as a Docker
config. It outlives the computer that began: a deploy would start the services over half of the
files, so it is refused while the mark is there, and the next restore ends what was begun.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from slipway.cluster import lease, ledger
from slipway.cluster.observed import Observed, observe
from slipway.environments.environment import Environment
from slipway.errors import Busy, Refused, SlipwayError
from slipway.files import swap
from slipway.hosts.host import Host
from slipway.progress import Reporter
from slipway.releases import health, stack_watch, volumes

if TYPE_CHECKING:
    from slipway.files.messages import FilesReply
    from slipway.releases.file_jobs import FileStore

UNCHANGED = (Refused, Busy)  # also where the schedule has just begun a backup of files


@dataclass(frozen=True)
class FileSwap:
    """What comes in, from `.slipway` of each volume, and the moment under which what goes out is
    kept; `by` is who began it, nobody yet where that is empty."""

    volumes: tuple[str, ...]
    incoming: str
    moment: str
    by: str = ""

    @property
    def is_undo(self) -> bool:
        """Whether what a restore has replaced comes back."""
        return self.incoming.startswith(swap.REPLACED)

    @property
    def backup(self) -> str:
        """The id of what was restored."""
        return self.incoming.removeprefix(swap.RESTORED)


def unfinished(observed: Observed, app: str) -> FileSwap | None:
    """Return the swap that was begun in an environment and has not ended."""
    labels = observed.configs.get(_name(app))
    if labels is None:
        return None
    keys = ("volumes", "incoming", "moment", "by")
    names, incoming, moment, by = (labels.get(f"slipway.{key}", "") for key in keys)
    return FileSwap(tuple(names.split()), incoming, moment, by or "nobody known")


def problem(env: Environment, observed: Observed) -> str:
    """Say that a swap was begun and has not ended, and what to type; nothing where none was."""
    begun = unfinished(observed, env.prefix)
    if begun is None:
        return ""
    again = f"inv files.restore --env={env.name}"
    return (
        f"a restore of the files in {', '.join(begun.volumes)}, begun by {begun.by}, has not "
        f"ended, and what uses them is stopped; to end it: {again}, to have the files from before: "
        f"{again} --undo"
    )


def refuse_unfinished(env: Environment, observed: Observed) -> None:
    """Raise Refused where services would start over files of two times."""
    if text := problem(env, observed):
        raise Refused(text)


def observed(store: "FileStore") -> Observed:
    """Look anew, once nobody else may begin a swap."""
    return observe(store.cluster.manager, store.env.prefix)


def carry_out(store: "FileStore", begun: FileSwap, reporter: Reporter) -> "FilesReply":
    """Swap while the services stand still; one that was begun before is ended by the same steps."""
    if not begun.by:
        _mark(store.cluster.manager, store.env.prefix, begun)
    with standing_still(store, begun, reporter):
        reply = exchange(store, begun, reporter)
    if not reply.volumes:
        raise Refused(f"{reply.summary}; what uses {', '.join(begun.volumes)} was started again")
    return reply


@contextlib.contextmanager
def standing_still(store: "FileStore", begun: FileSwap, reporter: Reporter) -> Iterator[None]:
    """Stop the services that have these volumes for a block, and start them again after it.

    After a failure half-way they stay stopped: their files may be of two times.
    """
    manager, env = store.cluster.manager, store.env
    stack, users = f"{env.prefix}-data", volumes.users(store.release, begun.volumes)
    listed = ", ".join(users)

    def start() -> None:
        _remove_mark(manager, env.prefix)
        scale = ["docker", "service", "scale", "--detach=true"]
        before = stack_watch.look(manager, stack)
        manager.run([*scale, *(f"{stack}_{name}=1" for name in users)], timeout=60)
        health.settle(manager, stack, env.number("HEALTH_TIMEOUT"), before)
        reporter.note(f"{listed}: started again")

    is_first, is_asked = not begun.by, False  # what was begun before may have swapped some of it
    try:
        reporter.note(f"{listed}: stopped for the swap")
        scale = ["docker", "service", "scale", "--detach=false"]
        manager.run([*scale, *(f"{stack}_{name}=0" for name in users)], timeout=120)
        is_asked = True
        yield
    except BaseException as error:
        if is_first and (isinstance(error, UNCHANGED) or not is_asked):
            start()
            raise
        if not isinstance(error, SlipwayError | KeyboardInterrupt):
            raise
        again = f"inv files.restore --env={env.name}"
        raise SlipwayError(
            f"{error or 'interrupted'}\n    {listed} may be stopped, and its files of two times; "
            f"to end the swap: {again}, to have the files from before: {again} --undo"
        ) from error
    start()


def exchange(store: "FileStore", begun: FileSwap, reporter: Reporter) -> "FilesReply":
    """Have the files swapped; once that has begun it is brought to its end."""
    words = {"incoming": begun.incoming, "moment": begun.moment}
    try:
        return store.ask("exchange", reporter, volumes=begun.volumes, **words)
    except UNCHANGED:
        raise
    except (SlipwayError, KeyboardInterrupt) as error:
        reporter.note(f"the swap was interrupted ({error or 'Ctrl-C'}); ending it")
    try:
        return store.ask("exchange", reporter, volumes=begun.volumes, **words)
    except UNCHANGED as error:  # this time; before, some of it may have been
        raise SlipwayError(str(error)) from error


def _name(app: str) -> str:
    return f"{app}.files"


def _mark(manager: Host, app: str, begun: FileSwap) -> None:
    fields = vars(replace(begun, by=lease.owner())) | {"volumes": " ".join(begun.volumes)}
    labels = {"slipway.app": app, **{f"slipway.{key}": str(text) for key, text in fields.items()}}
    manager.run(ledger.create(_name(app), labels), stdin=b"-", timeout=20)


def _remove_mark(manager: Host, app: str) -> None:
    """Remove it; that it is gone already is as good."""
    argv = ["docker", "config", "rm", _name(app)]
    result = manager.run(argv, timeout=20, check=False)
    if "not found" not in f"{result.out}{result.err}":
        result.check()
