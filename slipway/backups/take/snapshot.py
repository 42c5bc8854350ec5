"""What is known of a database at the moment of its backup, read in the dump's own snapshot."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slipway.backups.format.manifest import Locale
from slipway.database.connection import Connection
from slipway.database.processes import NO_ROOM
from slipway.errors import SlipwayError

MOST_HELD = 1000  # tables; each takes a place in a lock table that pg_dump fills as well
DATABASE = "(select oid from pg_catalog.pg_database where datname = current_database())"
# Ordinary tables, smallest first; what an extension made is the extension's own business.
TABLES = """
    select format('%I.%I', n.nspname, c.relname), c.relkind, c.relpersistence, c.relpages
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'f') and c.relpersistence <> 't'
      and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
      and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    order by c.relpages, 1
"""
# Owners and grantees; what the first role of a server owns is written down nowhere but there.
ROLES = f"""
    select pg_catalog.pg_get_userbyid(refobjid) from pg_catalog.pg_shdepend
    where refclassid = 'pg_catalog.pg_authid'::regclass and dbid = {DATABASE}
    union select pg_catalog.pg_get_userbyid(datdba) from pg_catalog.pg_database
    where datname = current_database()
    union select pg_catalog.pg_get_userbyid(relowner) from pg_catalog.pg_class where oid >= 16384
    union select pg_catalog.pg_get_userbyid(proowner) from pg_catalog.pg_proc where oid >= 16384
    union select pg_catalog.pg_get_userbyid(typowner) from pg_catalog.pg_type where oid >= 16384
    union select pg_catalog.pg_get_userbyid(nspowner) from pg_catalog.pg_namespace
    where oid >= 16384
    order by 1
"""  # noqa: S608 - a constant
# Another tool may have a table of that name without versions in it.
HAS_VERSIONS = """select attnum from pg_catalog.pg_attribute
    where attrelid = to_regclass('public.schema_migrations') and attname = 'version'
    and not attisdropped"""
BLOCKERS = f"""
    select distinct a.pid, a.application_name,
           to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
    from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a using (pid)
    where l.mode = 'AccessExclusiveLock' and l.granted and l.locktype = 'relation'
      and l.database = {DATABASE} and a.pid <> pg_catalog.pg_backend_pid()
    order by 3 limit 1
"""  # noqa: S608  a constant


@dataclass(frozen=True)
class Snapshot:
    """A database seen in one snapshot; `tables` are names as SQL writes them, and disk pages."""

    server: str
    locale: Locale
    extensions: Mapping[str, str]
    roles: tuple[str, ...]
    tables: Mapping[str, int]
    unlogged: tuple[str, ...]
    foreign: tuple[str, ...]
    large_objects: int
    sequences: int
    migrations: tuple[str, ...]
    size: int
    is_held: bool  # nobody rewrites its tables while the snapshot lasts


@contextlib.contextmanager
def snapshot(session: Connection, lock_wait: float) -> Iterator[tuple[str, Snapshot]]:
    """Hold a snapshot for a block; yield its name and what is seen in it.

    The tables are locked before it begins: whoever truncates or rewrites one waits for the end,
    and nothing is in the dump that is not in the counts. Raises SlipwayError when one cannot be.
    """
    names = [row[0] for row in session.execute(TABLES).fetchall() if row[1] == "r"]
    is_held = len(names) <= MOST_HELD
    with session.transaction():
        session.execute("set transaction isolation level repeatable read, read only")
        if is_held and names:
            _lock(session, names, lock_wait)
        name = str(_value(session, "select pg_catalog.pg_export_snapshot()"))
        yield name, read(session, is_held=is_held)


def server_version(session: Connection) -> str:
    """Return the server's version as `17.11`."""
    number = int(str(_value(session, "show server_version_num")))
    return f"{number // 10_000}.{number % 10_000}"


def read(session: Connection, *, is_held: bool = False) -> Snapshot:
    """Read everything that a manifest tells but the rows."""
    rows = session.execute(TABLES).fetchall()
    is_standby = bool(_value(session, "select pg_catalog.pg_is_in_recovery()"))
    ordinary = [row for row in rows if row[1] == "r" and not (is_standby and row[2] == "u")]
    extensions = session.execute("select extname, extversion from pg_catalog.pg_extension")
    metadata = "select count(*) from pg_catalog.pg_largeobject_metadata"
    sequences = "select count(*) from pg_catalog.pg_class where relkind = 'S' and oid >= 16384"
    size = "select pg_catalog.pg_database_size(current_database())"
    return Snapshot(
        server=server_version(session),
        locale=_locale(session),
        extensions={str(name): str(version) for name, version in extensions.fetchall()},
        roles=tuple(str(row[0]) for row in session.execute(ROLES.encode()).fetchall()),
        tables={str(row[0]): int(row[3]) for row in ordinary},
        unlogged=tuple(str(row[0]) for row in rows if row[1] == "r" and row[2] == "u"),
        foreign=tuple(str(row[0]) for row in rows if row[1] == "f"),
        large_objects=int(_value(session, metadata)),
        sequences=int(_value(session, sequences)),
        migrations=_migrations(session),
        size=int(_value(session, size)),
        is_held=is_held,
    )


def _lock(session: Connection, names: list[str], lock_wait: float) -> None:
    import psycopg

    try:
        with session.transaction():
            session.execute(f"set local lock_timeout = {int(lock_wait * 1000)}".encode())
            line = f"lock table only {', only '.join(names)} in access share mode"
            session.execute(line.encode())
    except psycopg.errors.LockNotAvailable:
        raise SlipwayError(
            f"a table stayed locked for {lock_wait:.0f} s{_blocker(session)}; "
            "nothing was backed up; run this again when that has ended"
        ) from None
    except psycopg.errors.OutOfMemory:
        raise SlipwayError(f"nothing was backed up: {NO_ROOM}") from None
    except psycopg.Error as error:
        raise SlipwayError(
            f"nothing was backed up: {error.diag.message_primary or error}"
        ) from None


def _blocker(session: Connection) -> str:
    row = session.execute(BLOCKERS.encode()).fetchone()
    if row is None:
        return ""
    return f" (by {row[1] or 'a session'}, process {row[0]}, since {row[2]})"


def _locale(session: Connection) -> Locale:
    """Older servers know fewer of these; what they do not know is empty."""
    row: Any = _value(
        session, "select to_jsonb(d) from pg_catalog.pg_database d where datname=current_database()"
    )
    names = session.execute("select pg_catalog.pg_encoding_to_char(%s)", [row["encoding"]])
    encoding = names.fetchone()
    return Locale(
        encoding=str(encoding[0]) if encoding else "",
        provider=str(row.get("datlocprovider") or "c"),
        collate=str(row["datcollate"]),
        ctype=str(row["datctype"]),
        locale=str(row.get("datlocale") or row.get("daticulocale") or ""),
        collation_version=str(row.get("datcollversion") or ""),
    )


def _migrations(session: Connection) -> tuple[str, ...]:
    if _value(session, HAS_VERSIONS) is None:
        return ()
    rows = session.execute("select version from public.schema_migrations order by version")
    return tuple(str(row[0]) for row in rows.fetchall())


def _value(session: Connection, sql: str) -> Any:
    row = session.execute(sql.encode()).fetchone()
    return row[0] if row else None
