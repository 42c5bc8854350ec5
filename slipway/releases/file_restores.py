"""A restore of files: filled while the services run, swapped in while they stand still."""

from collections.abc import Sequence

from slipway.backups.format.manifest import stamp
from slipway.cluster import lease
from slipway.environments.environment import Environment
from slipway.errors import Refused, UsageError
from slipway.files import swap
from slipway.files.messages import FilesReply
from slipway.progress import Reporter
from slipway.releases import file_jobs, file_swaps, volumes
from slipway.releases.file_jobs import FileStore
from slipway.releases.file_swaps import FileSwap

REASON = "restoring files"


def restore(
    env: Environment, backup: str, chosen: Sequence[str], reporter: Reporter, *, plan: bool
) -> FilesReply:
    """Restore a backup of files; what was there is kept for `undo`.

    Where a swap was begun and has not ended, end that instead.
    """
    with file_jobs.opened(env) as store:
        names = choose(chosen, store.volumes)
        if plan:
            file_swaps.refuse_unfinished(env, store.observed)
            reply = store.ask("fill", reporter, volumes=names, backup=backup, plan=True)
            return _planned(store, reply, names)
        with lease.hold(store.cluster.manager, env.prefix, REASON):
            if begun := file_swaps.unfinished(file_swaps.observed(store), env.prefix):
                _refuse_another(env, begun, backup)
                return file_swaps.carry_out(store, begun, reporter)
            reply = store.ask("fill", reporter, volumes=names, backup=backup)
            reporter.note(reply.summary)
            incoming = f"{swap.RESTORED}{reply.backups[0].id}"
            return file_swaps.carry_out(store, FileSwap(names, incoming, stamp()), reporter)


def undo(env: Environment, chosen: Sequence[str], reporter: Reporter, *, plan: bool) -> FilesReply:
    """Swap back what the last restore or import has replaced; a swap that was begun is ended
    first."""
    with file_jobs.opened(env, is_stored=False) as store:
        names = choose(chosen, store.volumes)
        if plan:
            file_swaps.refuse_unfinished(env, store.observed)
            return store.ask("replaced", reporter, volumes=names, plan=True)
        with lease.hold(store.cluster.manager, env.prefix, REASON):
            if begun := file_swaps.unfinished(file_swaps.observed(store), env.prefix):
                reply = file_swaps.carry_out(store, begun, reporter)
                reporter.note(reply.summary)
                if begun.is_undo:
                    return reply
            reply = store.ask("replaced", reporter, volumes=names, plan=True)
            incoming = f"{swap.REPLACED}{reply.moment}"
            return file_swaps.carry_out(store, FileSwap(reply.volumes, incoming, stamp()), reporter)


def choose(chosen: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the volumes that are meant, all of them where none is named. Raises UsageError."""
    for name in chosen:
        if name not in known:
            raise UsageError(f"there is no volume {name[:60]!a} (one of: {', '.join(known)})")
    return tuple(chosen) or tuple(known)


def _refuse_another(env: Environment, begun: FileSwap, backup: str) -> None:
    if not begun.is_undo and backup not in ("latest", begun.backup):
        raise Refused(
            f"a restore of {begun.backup} was begun by {begun.by} and has not ended; end it "
            f"first: inv files.restore --env={env.name}. Nothing was changed"
        )


def _planned(store: FileStore, reply: FilesReply, names: Sequence[str]) -> FilesReply:
    services = ", ".join(volumes.users(store.release, names))
    text = f"would restore {reply.summary}, beside what is there; then stop {services}, swap, start"
    return FilesReply(f"{text} it again", reply.store, reply.backups)
