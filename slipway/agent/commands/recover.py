"""The database as it was at a moment, taken from the server that holds it and restored here."""

import dataclasses

from slipway.agent.context import Context, demand_environment
from slipway.agent.messages.restore import RecoverRequest, RestoreReply
from slipway.backups.format.encryption import new_key
from slipway.backups.restore.local_dump import DumpSource
from slipway.backups.restore.restore import Restore
from slipway.backups.take.backup import Backup
from slipway.backups.take.spec import BackupSpec
from slipway.database import siblings, throwaway
from slipway.database.connection import MAINTENANCE, Server
from slipway.database.roles import acting_as
from slipway.errors import Refused
from slipway.storage.folder import FolderStore


def recover(request: RecoverRequest, context: Context) -> RestoreReply:
    """Restore from the second server at `port`, which stands at `moment`, as from any backup.

    Its dump lies in the scratch volume meanwhile, sealed with a key that only this process knows.
    """
    own = demand_environment(request.environment)
    spec, reporter = dataclasses.replace(request, environment=own), context.reporter
    live, moment = acting_as("migrator"), request.moment
    second = dataclasses.replace(acting_as("backup"), port=request.port)
    _demand_database(second, moment)
    with throwaway.own_folder(reporter) as folder:
        store = FolderStore(folder, "the scratch volume")
        reporter.note(f"dumping {second.database} as it was at {moment}")
        _, nobody = new_key()
        backup = Backup(second, store, BackupSpec(own, (nobody,), by="a restore"), reporter).run()
        source = DumpSource(store, backup.manifest, backup.key)
        result = Restore(live, source, spec, reporter).run()
    where = "; the live one is unchanged" if spec.into else f"; kept: {result.kept}"
    return RestoreReply(
        **vars(result),
        backup=f"as of {moment}",
        summary=f"{result.database} is as it was at {moment} ({result.rows} rows, "
        f"{result.seconds:.1f} s){where}",
    )


def _demand_database(second: Server, moment: str) -> None:
    with second.named(MAINTENANCE).connect() as session:
        if not siblings.is_there(session, second.database):
            raise Refused(
                f"there was no database {second.database} at {moment}; nothing was changed"
            )
