"""A dump that nobody vouches for, restored alone first: as nobody special, near no secret."""

from dataclasses import replace

from slipway.backups.restore import fill
from slipway.backups.restore.local_dump import LocalDump
from slipway.backups.restore.preflight import RestoreFindings
from slipway.database import isolated, siblings
from slipway.database.connection import MAINTENANCE
from slipway.errors import Refused, SlipwayError
from slipway.progress import Reporter

NAME, USER = "tried", "nobody_special"
AS_NOBODY = RestoreFindings(problems=(), notes=(), missing_roles=(), jobs=1)


def try_alone(dump: LocalDump, label: str, reporter: Reporter, size: int) -> None:
    """Restore a dump in a server of its own. Raises Refused where that fails, or there is none."""
    with isolated.trial_server(reporter) as trial:
        if trial.beside:
            raise Refused(
                f"{label} was not restored: nobody has signed it, and there is no container to try "
                "it in; add the service drill of a new project's compose/compose.yml and deploy"
            )
        with trial.server.connect() as session:
            session.execute(f"create role {USER} login createdb".encode())
            settings = siblings.text_settings(session, MAINTENANCE)
        as_nobody = replace(trial.server, user=USER)
        with as_nobody.connect() as session:
            siblings.create(session, NAME, settings)
        try:
            fill.fill(as_nobody.named(NAME), dump, reporter, AS_NOBODY, size=size)
        except SlipwayError as error:
            raise Refused(
                f"{label} was not restored: tried alone, by a role without rights, it fails: "
                f"{error}; nothing changed"
            ) from None
