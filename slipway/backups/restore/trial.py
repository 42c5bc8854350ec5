"""A dump restored in a server that is thrown away: whole, or by a role without rights."""

from collections.abc import Set as AbstractSet
from dataclasses import replace

from slipway.backups.format.manifest import Manifest
from slipway.backups.restore import fill, preflight
from slipway.backups.restore.local_dump import LocalDump
from slipway.backups.restore.preflight import RestoreFindings, Target
from slipway.database import isolated, siblings
from slipway.database.connection import MAINTENANCE, Connection, Server
from slipway.database.isolated import TrialServer
from slipway.errors import Refused, SlipwayError
from slipway.progress import SILENT, Reporter

NAME, USER = "tried", "unprivileged"
WITHOUT_RIGHTS = RestoreFindings(problems=(), notes=(), missing_roles=(), jobs=1)


def demand_room(what: str, needed: int, trial: TrialServer) -> None:
    """Refuse what would not fit, before it is begun."""
    if needed > trial.free:
        raise Refused(
            f"{what} needs about {needed >> 20} MB where it is restored, which "
            f"has {trial.free >> 20} free; free some on the machine that runs it"
        )


def prepare(
    database: Server,
    dump: LocalDump,
    manifest: Manifest | None,
    reporter: Reporter,
    *,
    roles: AbstractSet[str] = frozenset(),
) -> RestoreFindings:
    """Create the database with the roles that a dump needs, and those that are named.

    Raises Refused for what cannot be restored here, which says nothing of the dump.
    """
    with database.named(MAINTENANCE).connect() as session:
        target = preflight.look(session)
        _demand_fit(target, dump, manifest)
        roles_needed = (preflight.roles_of(manifest, dump) | roles) - target.roles
        missing = sorted(name for name in roles_needed if not name.startswith("pg_"))
        # An event trigger can only be a superuser's; nobody but us comes near this server.
        preflight.create_roles(session, missing, SILENT, rights="superuser")
        _create(session, database.database, manifest, reporter)
    return preflight.judge(target, manifest, dump)


def prepare_without_rights(server: Server, name: str) -> Server:
    """Create a database of a role that may do nothing else; return that role's way in."""
    with server.named(MAINTENANCE).connect() as session:
        session.execute(f"create role {USER} login createdb".encode())
        settings = siblings.text_settings(session, MAINTENANCE)
    unprivileged = replace(server, user=USER)
    with unprivileged.named(MAINTENANCE).connect() as session:
        siblings.create(session, name, settings)
    return unprivileged.named(name)


def try_alone(dump: LocalDump, label: str, reporter: Reporter, size: int) -> None:
    """Restore a dump in a server of its own. Raises Refused where that fails, or there is none."""
    with isolated.trial_server(reporter) as trial:
        if trial.is_in_ops:
            raise Refused(
                f"{label} was not restored: it has no trusted signature, and there is no "
                f"container to try it in; {isolated.REMEDY}"
            )
        database = prepare_without_rights(trial.server, NAME)
        try:
            fill.fill(database, dump, reporter, WITHOUT_RIGHTS, size=size)
        except SlipwayError as error:
            raise Refused(
                f"{label} was not restored: tried alone, by a role without rights, it fails: "
                f"{error}; nothing changed"
            ) from None


def _create(session: Connection, name: str, manifest: Manifest | None, reporter: Reporter) -> None:
    own = siblings.text_settings(session, MAINTENANCE)
    if manifest is None:
        siblings.create(session, name, own)
        return
    try:
        siblings.create(session, name, manifest.locale)
    except siblings.LocaleUnavailable as error:
        reporter.note(f"{error}; it is sorted differently here")
        siblings.create(session, name, replace(own, encoding=manifest.locale.encoding))


def _demand_fit(target: Target, dump: LocalDump, manifest: Manifest | None) -> None:
    missing = sorted(preflight.extensions_of(manifest, dump) - target.extensions)
    if missing:
        raise Refused(
            f"the image of ops has no extension {', '.join(missing)}, so it cannot be restored "
            "there; add its package to compose/ops/Dockerfile and deploy"
        )
    if dump.server > target.major:
        raise Refused(f"it is from PostgreSQL {dump.server}, and ops has {target.major}")
