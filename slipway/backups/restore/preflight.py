"""What a server must have before a dump is restored on it; found out before anything is changed."""

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

from slipway.backups.format.manifest import Manifest
from slipway.backups.restore.local_dump import LocalDump
from slipway.database.connection import Connection
from slipway.errors import Refused
from slipway.progress import Reporter

OWN = 4  # sessions that a restore needs beside those of its jobs
ROOM = 1.15  # times the size that the database had: what is built, sorted and logged meanwhile
FREE = "copy pg_temp.slipway_room from program 'df -Pk . | tail -n 1'"


@dataclass(frozen=True)
class Target:
    """What there is on the server; `free` is None where nobody tells."""

    major: int
    user: str
    is_super: bool
    may_create_database: bool
    extensions: frozenset[str]  # that could be made
    roles: frozenset[str]
    sessions: int  # that are still free
    free: int | None  # bytes on the disk of the server


@dataclass(frozen=True)
class RestoreFindings:
    """What a look at the server came to."""

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    missing_roles: tuple[str, ...]
    jobs: int
    is_super: bool = False
    keeps_rights: bool = False  # of the roles that the backup names: they are the same here


def look(session: Connection, room: int | None = None) -> Target:
    """Read what the server has; `room` on its disk is as told where only a superuser could ask."""
    row = session.execute(
        "select current_setting('server_version_num')::int / 10000, rolname, rolsuper,"
        " rolcreatedb or rolsuper,"
        " current_setting('max_connections')::int"
        "   - case when rolsuper then 0"
        "     else current_setting('superuser_reserved_connections')::int end"
        "   - (select count(*) from pg_stat_activity where backend_type = 'client backend')"
        " from pg_roles where rolname = current_user"
    ).fetchone()
    if row is None:
        raise Refused("the server does not say who we are")
    extensions = session.execute("select name from pg_available_extensions").fetchall()
    roles = session.execute("select rolname from pg_roles").fetchall()
    return Target(
        major=row[0],
        user=row[1],
        is_super=row[2],
        may_create_database=row[3],
        extensions=frozenset(name for (name,) in extensions),
        roles=frozenset(name for (name,) in roles),
        sessions=row[4],
        free=_free(session) if row[2] else room,
    )


def judge(
    target: Target,
    manifest: Manifest | None,
    dump: LocalDump | None,
    *,
    create_roles: bool = False,
    has_roles: bool = False,
    cores: int | None = None,
) -> RestoreFindings:
    """Say what is in the way, and what a person should know; knows only what it is given.

    `has_roles` says that the application has a role of its own here.
    """
    problems, notes, roles = [], [], roles_of(manifest, dump)
    major = dump.server if dump else manifest.major if manifest else 0
    if major > target.major:
        problems.append(f"it is from PostgreSQL {major} and the server is older ({target.major})")
    if not target.may_create_database:
        problems.append(
            f"the role {target.user} may not create a database next to the live one (as an "
            f"administrator of the server: alter role {target.user} createdb)"
        )
    lacking = sorted(extensions_of(manifest, dump) - target.extensions)
    if lacking:
        problems.append(f"the server has no extension {', '.join(lacking)}; install it there")
    missing = tuple(sorted(roles - target.roles)) if target.is_super else ()
    if missing and not create_roles:
        problems.append(
            f"the roles {', '.join(missing)} do not exist there; add --create-roles to create "
            f"them without the right to log in"
        )
    # Of a database from before, its owner was the application's role, and had every right.
    keeps_rights = target.is_super or (has_roles and target.user in roles <= target.roles)
    if has_roles and not keeps_rights:
        notes.append(f"its roles are others than those here: {target.user} will own everything")
    elif not keeps_rights:
        notes.append(
            f"{target.user} is not a superuser: it will own all that is restored, and the rights "
            f"of other roles are left out"
        )
    problems += _room(target, manifest, notes)
    cores = len(os.sched_getaffinity(0)) if cores is None else cores
    jobs = max(1, min(cores, target.sessions - OWN))
    if target.sessions < OWN + 1:
        problems.append(
            f"the server has room for {target.sessions} more sessions, {OWN + 1} needed"
        )
    return RestoreFindings(
        tuple(problems), tuple(notes), missing, jobs, target.is_super, keeps_rights
    )


def demand(findings: RestoreFindings, label: str, reporter: Reporter) -> None:
    """Tell the notes. Raises Refused with every problem."""
    for note in findings.notes:
        reporter.note(note)
    if findings.problems:
        raise Refused(f"{label} was not restored: {'; '.join(findings.problems)}; nothing changed")


def create_roles(
    session: Connection, names: Sequence[str], reporter: Reporter, *, rights: LiteralString = ""
) -> None:
    """Make roles that own something in the dump; nobody can log in as one."""
    from psycopg import sql

    for name in names:
        text = sql.SQL("create role {} nologin " + rights)
        session.execute(text.format(sql.Identifier(name)))
        reporter.note(f"created the role {name}, which cannot log in")


def _room(target: Target, manifest: Manifest | None, notes: list[str]) -> list[str]:
    if manifest is None:
        return []
    needed = int(manifest.database_size * ROOM)
    if target.free is None:
        notes.append(
            f"the free room on the server is not known; about {needed >> 20} MB are needed"
        )
        return []
    if target.free < needed:
        has = f"{target.free >> 20} MB free"
        return [f"the disk of the server has {has}, and about {needed >> 20} MB are needed"]
    return []


def extensions_of(manifest: Manifest | None, dump: LocalDump | None) -> frozenset[str]:
    """Name the extensions that a backup needs, or a dump without a manifest."""
    if manifest:
        return frozenset(manifest.extensions)
    # `2; 3079 16385 EXTENSION - pg_trgm `
    lines = dump.entries if dump else ()
    matches = (re.match(r"\d+; \d+ \d+ EXTENSION - (\S+)", line) for line in lines)
    return frozenset(match[1] for match in matches if match)


def roles_of(manifest: Manifest | None, dump: LocalDump | None) -> frozenset[str]:
    """Name the roles that own or may do something in it, less the server's own."""
    if manifest:
        return frozenset(name for name in manifest.roles if not name.startswith("pg_"))
    if dump is None:
        return frozenset()
    return frozenset(owner for line in dump.entries if (owner := _owner(line)))


def _owner(line: str) -> str:
    """The last word of `215; 1259 16386 TABLE public users alice`; without an owner, a space."""
    owner = line.rpartition(" ")[2]
    return "" if owner.startswith("pg_") else owner


def _free(session: Connection) -> int | None:
    """Ask the server's own disk, by its own df; not every server has one, or lets us."""
    import psycopg

    with contextlib.suppress(psycopg.Error):
        session.execute("create temp table if not exists slipway_room (line text)")
        session.execute("truncate pg_temp.slipway_room")
        session.execute(FREE)
        row = session.execute("select line from pg_temp.slipway_room").fetchone()
        if row is not None:
            return int(row[0].split()[3]) * 1024
    return None


def describe(target: Target) -> Mapping[str, object]:
    """Return what a plan tells of the server."""
    free = "unknown" if target.free is None else f"{target.free >> 20} MB"
    return {"server": target.major, "role": target.user, "free": free}
