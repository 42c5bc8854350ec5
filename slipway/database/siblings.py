"""Databases beside the live one, told apart by their names: being restored, replaced, undone."""

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from slipway.database import obstacles
from slipway.database.connection import MAINTENANCE, Connection, Server
from slipway.database.pooler import refuse_shared_connection
from slipway.errors import Busy, Refused, SlipwayError
from slipway.progress import Reporter

if TYPE_CHECKING:
    from psycopg import sql


RESTORE, BEFORE, UNDONE = "restore", "before", "undone"
MARK = "Slipway is filling this database; what an interrupted run left is dropped by the next."
# A session that waits for a long restore must not be ended for being idle.
PATIENT = "select set_config(name, '0', false) from pg_settings where name = 'idle_session_timeout'"
LONGEST_NAME = 63  # bytes; PostgreSQL cuts what is longer, and two names become one
TAIL = re.compile(rf"__({RESTORE}|{BEFORE}|{UNDONE})_(\d{{8}}T\d{{6}}Z)(?:-[0-9a-f]{{4}})?")
LONGEST_TAIL = len("__restore_20261122T021500Z-1f3a")


class LocaleUnavailable(SlipwayError):
    """This server does not know such a way to write or sort text."""


@dataclass(frozen=True)
class Sibling:
    """A database beside the live one; `stamp` is when it was begun or set aside."""

    name: str
    kind: str  # restore | before | undone
    stamp: str  # 20261122T021500Z
    size: int  # bytes on the server's disk


class TextSettings(Protocol):
    """How a database writes and sorts text."""

    @property
    def encoding(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def collate(self) -> str: ...
    @property
    def ctype(self) -> str: ...
    @property
    def locale(self) -> str: ...


@dataclass(frozen=True)
class OwnTextSettings:
    """How an existing database writes and sorts text."""

    encoding: str
    provider: str
    collate: str
    ctype: str
    locale: str


def name_of(database: str, kind: str, moment: str) -> str:
    """Name a database beside another; a long name is cut, and kept apart from its likes."""
    return f"{_stem(database)}__{kind}_{moment}"


def old_databases(server: Server) -> list[Sibling]:
    """List what restores have set aside (`before`, `undone`), the newest first."""
    with server.named(MAINTENANCE).connect() as session:
        siblings = _siblings(session, server.database)
    old = (sibling for sibling in siblings if sibling.kind != RESTORE)
    return sorted(old, key=lambda sibling: sibling.stamp, reverse=True)


def drop_old(server: Server, name: str, *, force: bool = False) -> None:
    """Drop one that `old_databases` lists; `force` ends the sessions that still look at it."""
    if name not in {sibling.name for sibling in old_databases(server)}:
        raise Refused(f"{name} was not set aside by a restore of {server.database}; it stays")
    with server.named(MAINTENANCE).connect() as session:
        drop(session, name, force=force)


def drop(session: Connection, name: str, *, force: bool = True) -> None:
    """Drop a database, if it is there. Raises Refused or Busy, saying what holds it."""
    import psycopg
    from psycopg import sql

    text = sql.SQL("drop database if exists {}" + (" with (force)" if force else ""))
    try:
        session.execute(text.format(sql.Identifier(name)))
    except (psycopg.errors.ObjectInUse, psycopg.errors.WrongObjectType):
        if reasons := obstacles.to_dropping(session, name):
            raise Refused(f"{name} stays: {'; '.join(reasons)}") from None
        raise Busy(f"{name} is in use; it stays") from None


def drop_stale(session: Connection, database: str, reporter: Reporter) -> None:
    """Drop what an interrupted restore left; only while `alone` says that none is running.

    One that cannot be dropped hinders nothing, and is noted.
    """
    for sibling in _siblings(session, database):
        if sibling.kind == RESTORE:
            reporter.note(f"dropping {sibling.name}, which an interrupted restore left")
            try:
                drop(session, sibling.name)
            except (Busy, Refused) as error:
                reporter.note(str(error))


@contextlib.contextmanager
def alone(server: Server, what: str) -> Iterator[Connection]:
    """Hold a session beside the database in which nobody else may replace it.

    Raises Busy, and Refused through a pooler that would keep the lock.
    """
    maintenance = server.named(MAINTENANCE)
    with maintenance.connect(application=f"slipway {what}") as session:
        refuse_shared_connection(maintenance, session)
        session.execute(PATIENT)
        number = _lock(server.database)
        row = session.execute("select pg_try_advisory_lock(%s)", (number,)).fetchone()
        if row is None or not row[0]:
            raise Busy(f"{_holder(session, number)}; nothing was changed; try again later")
        yield session


def create(session: Connection, name: str, settings: TextSettings) -> None:
    """Create an empty database that only its owner may enter; it is marked as being filled."""
    import psycopg
    from psycopg import sql

    try:
        text = sql.SQL("create database {} ").format(sql.Identifier(name))
        session.execute(text + _options(settings))
    except (psycopg.errors.InvalidParameterValue, psycopg.errors.WrongObjectType) as error:
        raise LocaleUnavailable(
            f"this server cannot create a database that writes {settings.encoding} and sorts as "
            f"{settings.locale or settings.collate}: {error.diag.message_primary}"
        ) from None
    except psycopg.errors.InsufficientPrivilege:
        raise Refused(
            f"the role {session.info.user} may not create a database next to the live one; as an "
            f"administrator of the server: alter role … createdb"
        ) from None
    identifier = sql.Identifier(name)
    session.execute(sql.SQL("comment on database {} is {}").format(identifier, sql.Literal(MARK)))
    session.execute(sql.SQL("revoke all on database {} from public").format(identifier))


def rename(session: Connection, name: str, new_name: str) -> None:
    """Give a filled database the name under which it stays."""
    from psycopg import sql

    with session.transaction():
        session.execute(sql.SQL("comment on database {} is null").format(sql.Identifier(name)))
        names = sql.Identifier(name), sql.Identifier(new_name)
        session.execute(sql.SQL("alter database {} rename to {}").format(*names))


def text_settings(session: Connection, database: str) -> OwnTextSettings:
    """Read how a database writes and sorts."""
    row = session.execute(
        "select to_jsonb(d), pg_encoding_to_char(d.encoding) from pg_database d where datname = %s",
        (database,),
    ).fetchone()
    if row is None:
        raise SlipwayError(f"there is no database {database}")
    database_row, encoding = row
    return OwnTextSettings(
        encoding=encoding,
        provider=database_row.get("datlocprovider", "c"),
        collate=database_row["datcollate"],
        ctype=database_row["datctype"],
        locale=database_row.get("datlocale") or database_row.get("daticulocale") or "",
    )


def is_there(session: Connection, name: str) -> bool:
    """Whether the server has a database of this name."""
    row = session.execute("select 1 from pg_database where datname = %s", (name,)).fetchone()
    return row is not None


def _options(settings: TextSettings) -> "sql.Composed":
    from psycopg import sql

    options: list[tuple[str, str]] = [("template", "template0"), ("encoding", settings.encoding)]
    options += [("lc_collate", settings.collate), ("lc_ctype", settings.ctype)]
    if settings.provider in ("i", "b"):
        icu = settings.provider == "i"
        options.append(("locale_provider", "icu" if icu else "builtin"))
        options.append(("icu_locale" if icu else "builtin_locale", settings.locale))
    pairs = (
        sql.SQL(key + " ") + (sql.SQL(value) if key == "template" else sql.Literal(value))
        for key, value in options
    )
    return sql.SQL(" ").join(pairs)


def _siblings(session: Connection, database: str) -> list[Sibling]:
    stem = _stem(database)
    rows = session.execute(
        "select datname, case when has_database_privilege(oid, 'connect')"
        " then pg_database_size(oid) else 0 end from pg_database where starts_with(datname, %s)",
        (f"{stem}__",),
    ).fetchall()
    siblings = []
    for name, size in rows:
        if tail := TAIL.fullmatch(name[len(stem) :]):
            siblings.append(Sibling(name, tail[1], tail[2], size))
    return siblings


def _stem(database: str) -> str:
    room = LONGEST_NAME - LONGEST_TAIL
    if len(database.encode()) <= room:
        return database
    tag = hashlib.sha256(database.encode()).hexdigest()[:6]
    return database.encode()[: room - 7].decode(errors="ignore") + "~" + tag


def _lock(database: str) -> int:
    digest = hashlib.sha256(f"slipway beside {database}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def _holder(session: Connection, number: int) -> str:
    """Say who holds the lock, as far as this role may see."""
    row = session.execute(
        "select application_name, date_trunc('seconds', now() - backend_start)::text"
        " from pg_locks join pg_stat_activity using (pid)"
        " where locktype = 'advisory' and granted"
        " and (classid::bigint << 32 | objid::bigint) = %s and objsubid = 1",
        (number,),
    ).fetchone()
    if row is None or not row[0]:
        return "another process is replacing this database"
    return f"a {row[0].removeprefix('slipway ')} of this database is under way since {row[1]}"
