"""Backups of an environment's files, as an operator asks for them."""

from slipway.environments.environment import Environment
from slipway.files.messages import FilesReply
from slipway.progress import Reporter
from slipway.releases import file_jobs, file_swaps


def take(
    env: Environment, reporter: Reporter, *, ident: str = "", plan: bool = False
) -> FilesReply:
    """Back up the volumes; `ident` is the id of the database's backup of the same point in time."""
    with file_jobs.opened(env) as store:
        if plan:
            reply = store.ask("list", reporter)
            text = f"would back up {', '.join(store.volumes)} to {reply.store}"
            return FilesReply(f"{text}, which holds {reply.summary}", reply.store)
        return store.ask("backup", reporter, backup=ident)


def read_list(env: Environment, reporter: Reporter) -> FilesReply:
    """List what is stored."""
    with file_jobs.opened(env) as store:
        return store.ask("list", reporter)


def verify(env: Environment, reporter: Reporter) -> FilesReply:
    """Read all that is stored. Raises DifferenceFound for what is damaged."""
    with file_jobs.opened(env) as store:
        return store.ask("verify", reporter)


def drill(env: Environment, backup: str, reporter: Reporter) -> FilesReply:
    """Restore a backup where it is thrown away, and compare. Raises DifferenceFound."""
    with file_jobs.opened(env) as store:
        return store.ask("drill", reporter, backup=backup)


def prune(env: Environment, reporter: Reporter, *, plan: bool) -> FilesReply:
    """Remove what the policy does not keep."""
    keeping = file_jobs.keeping(env)
    with file_jobs.opened(env) as store:
        file_swaps.refuse_unfinished(env, store.observed)  # it needs what it has replaced
        return store.ask("prune", reporter, keeping=keeping, plan=plan)
