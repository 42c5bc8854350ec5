"""The database as it was at a moment, taken from the server that holds it and restored here."""

import dataclasses
from typing import Any

from slipway.agent.commands.restore import order_of
from slipway.agent.context import Context
from slipway.backups.format.encryption import new_key
from slipway.backups.restore.local_dump import DumpSource
from slipway.backups.restore.restore import Restore
from slipway.backups.take.backup import Backup
from slipway.backups.take.spec import BackupSpec
from slipway.database import siblings, throwaway
from slipway.database.connection import MAINTENANCE, Server, server
from slipway.errors import Refused
from slipway.storage.folder import FolderStore


def recover(work: Context) -> dict[str, Any]:
    """Restore from the second server at `port`, which stands at `moment`, as from any backup.

    Its dump lies in the scratch volume meanwhile, sealed with a key that only this process knows.
    """
    live, moment = server(), str(work.given["moment"])
    past = dataclasses.replace(live, port=int(work.given["port"]))
    _demand_it_was_there(past, moment)
    order = order_of(work.given)
    with throwaway.own_folder(work.report) as folder:
        store = FolderStore(folder, "the scratch volume")
        work.report.note(f"taking {past.database} as it was at {moment}")
        _, nobody = new_key()
        spec = BackupSpec(order.environment, (nobody,), by="a restore")
        taken = Backup(past, store, spec, work.report).run()
        source = DumpSource(store, taken.manifest, taken.key)
        restored = Restore(live, source, order, work.report).run()
    where = "; the live one is as it was" if order.into else f"; kept: {restored.kept}"
    return dataclasses.asdict(restored) | {
        "backup": f"as of {moment}",
        "summary": f"{restored.database} is as it was at {moment} ({restored.rows} rows, "
        f"{restored.seconds:.1f} s){where}",
    }


def _demand_it_was_there(past: Server, moment: str) -> None:
    with past.named(MAINTENANCE).connect() as session:
        if not siblings.is_there(session, past.database):
            raise Refused(f"there was no database {past.database} at {moment}; nothing was changed")
