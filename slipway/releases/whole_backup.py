"""One backup of an environment: its database and then its files, under one id."""

from dataclasses import dataclass

from slipway.agent.messages.backups import BackupReply
from slipway.agent.messages.request import ChangePlan
from slipway.client import backups as client_backups
from slipway.client.session import connected
from slipway.cluster.observed import observe
from slipway.environments.environment import Environment
from slipway.errors import SlipwayError
from slipway.files.messages import FilesReply
from slipway.machines import connect
from slipway.progress import Reporter
from slipway.releases import file_backups, file_jobs, history, volumes


@dataclass(frozen=True)
class WholeBackup:
    """What was taken, or would be; `files` is None where no volume is backed up as files."""

    database: BackupReply | ChangePlan
    files: FilesReply | None


def take(env: Environment, reporter: Reporter, *, plan: bool = False) -> WholeBackup:
    """Back up the database and, once that is whole, the files; both get the database's id.

    So each file that a row names was there before its copy was taken, and files may be newer.
    Raises Refused, before anything is taken, where the files could not be.
    """
    has_files = _has_files(env)
    with connected(env) as session:
        database = client_backups.take(session, reporter, role_passwords=False, plan=plan)
    if not has_files:
        return WholeBackup(database, None)
    if isinstance(database, ChangePlan):
        return WholeBackup(database, file_backups.take(env, reporter, plan=True))
    try:
        files = file_backups.take(env, reporter, ident=database.backup.id)
    except SlipwayError as error:
        again = f"the database's backup {database.backup.id} is whole, its files are missing"
        raise SlipwayError(f"{error}\n    {again}; type: inv backup --env={env.name}") from error
    return WholeBackup(database, files)


def _has_files(env: Environment) -> bool:
    """Whether there are files to back up, and everything that this takes."""
    with connect.connected(env, lenient=True) as cluster:
        observed = observe(cluster.manager, env.prefix)
        release = history.serving(cluster.manager, observed, env.prefix)
    if release is None or not volumes.kept(release):
        return False
    file_jobs.demand(env, release)
    return True
