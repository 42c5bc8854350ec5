"""A dump that nobody vouches for, restored alone first: without rights, near no secret."""

from dataclasses import replace

from slipway.backups.restore import fill
from slipway.backups.restore.local_dump import LocalDump
from slipway.backups.restore.preflight import RestoreFindings
from slipway.database import isolated, siblings
from slipway.database.connection import MAINTENANCE
from slipway.errors import Refused, SlipwayError
from slipway.progress import Reporter

NAME, USER = "tried", "unprivileged"
WITHOUT_RIGHTS = RestoreFindings(problems=(), notes=(), missing_roles=(), jobs=1)


def try_alone(dump: LocalDump, label: str, reporter: Reporter, size: int) -> None:
    """Restore a dump in a server of its own. Raises Refused where that fails, or there is none."""
    with isolated.trial_server(reporter) as trial:
        if trial.is_in_ops:
            raise Refused(
                f"{label} was not restored: it has no trusted signature, and there is no "
                "container to try it in; add the service drill of a new project's "
                "compose/slipway.yml and deploy"
            )
        with trial.server.connect() as session:
            session.execute(f"create role {USER} login createdb".encode())
            settings = siblings.text_settings(session, MAINTENANCE)
        unprivileged = replace(trial.server, user=USER)
        with unprivileged.connect() as session:
            siblings.create(session, NAME, settings)
        try:
            fill.fill(unprivileged.named(NAME), dump, reporter, WITHOUT_RIGHTS, size=size)
        except SlipwayError as error:
            raise Refused(
                f"{label} was not restored: tried alone, by a role without rights, it fails: "
                f"{error}; nothing changed"
            ) from None
