"""A restore of files: filled while the services run, swapped in while they stand still."""

import contextlib
from collections.abc import Iterator, Sequence

from slipway.cluster import lease
from slipway.environments.environment import Environment
from slipway.errors import Refused, SlipwayError, UsageError
from slipway.files.messages import FilesReply
from slipway.progress import Reporter
from slipway.releases import file_jobs, health, stack_watch, volumes
from slipway.releases.file_jobs import FileStore


def restore(
    env: Environment, backup: str, chosen: Sequence[str], reporter: Reporter, *, plan: bool
) -> FilesReply:
    """Restore a backup of files; what was there is kept for `undo`."""
    with file_jobs.opened(env) as store:
        names = _choose(store, chosen)
        if plan:
            reply = store.ask("fill", reporter, volumes=names, backup=backup, plan=True)
            return _planned(store, reply, names)
        with lease.hold(store.cluster.manager, env.prefix, "restoring files"):
            reply = store.ask("fill", reporter, volumes=names, backup=backup)
            reporter.note(reply.summary)
            ident = reply.backups[0].id
            with standing_still(store, names, reporter):
                return _exchange(store, names, ident, reporter)


def undo(env: Environment, chosen: Sequence[str], reporter: Reporter, *, plan: bool) -> FilesReply:
    """Swap back what the last restore has replaced, or end a swap that was killed."""
    with file_jobs.opened(env) as store:
        names = _choose(store, chosen)
        if plan:
            return store.ask("undo", reporter, volumes=names, plan=True)
        with (
            lease.hold(store.cluster.manager, env.prefix, "restoring files"),
            standing_still(store, names, reporter),
        ):
            return store.ask("undo", reporter, volumes=names)


@contextlib.contextmanager
def standing_still(store: FileStore, names: Sequence[str], reporter: Reporter) -> Iterator[None]:
    """Stop the services that have these volumes for a block, and start them again after it.

    After a failure half-way they stay stopped: their files may be of two times.
    """
    manager, env = store.cluster.manager, store.env
    stack, users = f"{env.prefix}-data", volumes.users(store.release, names)
    listed = ", ".join(users)

    def start() -> None:
        scale = ["docker", "service", "scale", "--detach=true"]
        before = stack_watch.look(manager, stack)
        manager.run([*scale, *(f"{stack}_{name}=1" for name in users)], timeout=60)
        health.settle(manager, stack, env.number("HEALTH_TIMEOUT"), before)
        reporter.note(f"{listed}: started again")

    reporter.note(f"{listed}: stopped for the swap")
    try:
        scale = ["docker", "service", "scale", "--detach=false"]
        manager.run([*scale, *(f"{stack}_{name}=0" for name in users)], timeout=120)
    except BaseException:
        start()
        raise
    try:
        yield
    except Refused:
        start()
        raise
    except (SlipwayError, KeyboardInterrupt) as error:
        again = f"inv files.restore --env={env.name} --undo"
        text = f"{listed} may be stopped, and its files of two times; type: {again}"
        raise SlipwayError(f"{error or 'interrupted'}\n    {text}") from error
    start()


def _exchange(store: FileStore, names: Sequence[str], ident: str, reporter: Reporter) -> FilesReply:
    """Swap the files of a backup in; once it has begun it is brought to its end."""
    try:
        return store.ask("exchange", reporter, volumes=names, backup=ident)
    except Refused:
        raise
    except (SlipwayError, KeyboardInterrupt) as error:
        reporter.note(f"the swap was interrupted ({error or 'Ctrl-C'}); ending it")
        return store.ask("exchange", reporter, volumes=names, backup=ident)


def _choose(store: FileStore, chosen: Sequence[str]) -> tuple[str, ...]:
    for name in chosen:
        if name not in store.volumes:
            raise UsageError(
                f"there is no volume {name[:60]!a} (one of: {', '.join(store.volumes)})"
            )
    return tuple(chosen) or store.volumes


def _planned(store: FileStore, reply: FilesReply, names: Sequence[str]) -> FilesReply:
    services = ", ".join(volumes.users(store.release, names))
    text = f"would restore {reply.summary}, beside what is there; then stop {services}, swap, start"
    return FilesReply(f"{text} it again", reply.store, reply.backups)
