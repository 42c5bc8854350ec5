"""What belongs to a database and to no dump of it: owner, rights, settings, limit of sessions."""

import contextlib
from typing import TYPE_CHECKING

from slipway.database.connection import Connection, NoDatabase, Server
from slipway.errors import SlipwayError
from slipway.progress import Reporter

if TYPE_CHECKING:
    from psycopg import Error, sql


# Settings whose value is a list of names, stored as SQL writes it; quoting it would make one name.
LISTS = {"search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries"}


def copy(session: Connection, source: str, target: str, reporter: Reporter) -> None:
    """Give `target` the owner, rights, settings and limit of `source`; rights that lack are told.

    `session` is one to another database.
    """
    import psycopg

    for statement in [*_rights(session, source, target), *_settings(session, source, target)]:
        try:
            session.execute(statement)
        except psycopg.errors.InsufficientPrivilege as error:
            _note_left_out(error, statement.as_string(session), reporter)
    _copy_lists(session, source, target, reporter)
    _copy_owner(session, source, target, reporter)


def note_publications(server: Server, new: str, reporter: Reporter) -> None:
    """Note which publications of the database are not in the `new` one, which replaces it."""
    with contextlib.suppress(NoDatabase):
        for name in sorted(_publications(server) - _publications(server.named(new))):
            reporter.note(
                f"the publication {name} is in the replaced database alone; create it in the new "
                "one where anybody subscribes to it"
            )


def open_to_all(session: Connection, name: str) -> None:
    """Give a database the rights that a new one has."""
    from psycopg import sql

    text = sql.SQL("grant connect, temporary on database {} to public")
    session.execute(text.format(sql.Identifier(name)))


def _publications(server: Server) -> set[str]:
    with server.connect(patience=0) as session:
        return {name for (name,) in session.execute("select pubname from pg_publication")}


def _rights(session: Connection, source: str, target: str) -> "list[sql.Composed]":
    from psycopg import sql

    row = session.execute(
        "select datacl is null, datconnlimit from pg_database where datname = %s", (source,)
    ).fetchone()
    if row is None:
        raise SlipwayError(f"there is no database {source}")
    name, (is_default, limit) = sql.Identifier(target), row
    statements = [sql.SQL("alter database {} connection limit {}").format(name, sql.Literal(limit))]
    if is_default:
        return [
            *statements,
            sql.SQL("grant connect, temporary on database {} to public").format(name),
        ]
    rows = session.execute(
        "select privilege_type, is_grantable, case when grantee = 0 then null"
        " else pg_get_userbyid(grantee) end"
        " from pg_database d, aclexplode(d.datacl) where datname = %s and grantee <> d.datdba",
        (source,),
    ).fetchall()
    for privilege, grantable, grantee in rows:
        who = sql.SQL("public") if grantee is None else sql.Identifier(grantee)
        text = "grant {} on database {} to {}" + (" with grant option" if grantable else "")
        statements.append(sql.SQL(text).format(sql.SQL(privilege), name, who))
    return statements


def _settings(session: Connection, source: str, target: str) -> "list[sql.Composed]":
    from psycopg import sql

    statements = []
    for role, setting, value in _read_settings(session, source):
        if setting in LISTS:
            continue
        text = sql.SQL("{} set {} = {}")
        whose = _whose(role, target)
        statements.append(
            text.format(whose, sql.Identifier(*setting.split(".")), sql.Literal(value))
        )
    return statements


def _copy_lists(session: Connection, source: str, target: str, reporter: Reporter) -> None:
    """Copy the lists through settings of this session, which writes them down as they were."""
    import psycopg
    from psycopg import sql

    for role, setting, value in _read_settings(session, source):
        if setting not in LISTS:
            continue
        text = sql.SQL("{} set {}").format(_whose(role, target), sql.Identifier(setting))
        try:
            with session.transaction():
                session.execute("select set_config(%s, %s, true)", (setting, value))
                session.execute(text + sql.SQL(" from current"))
        except psycopg.errors.InsufficientPrivilege as error:
            _note_left_out(error, f"{text.as_string(session)} = {value}", reporter)


def _read_settings(session: Connection, source: str) -> list[tuple[str | None, str, str]]:
    rows = session.execute(
        "select case when setrole = 0 then null else pg_get_userbyid(setrole) end,"
        " unnest(setconfig)"
        " from pg_db_role_setting s join pg_database d on d.oid = setdatabase where datname = %s",
        (source,),
    ).fetchall()
    return [(role, *setting.split("=", 1)) for role, setting in rows]


def _whose(role: str | None, target: str) -> "sql.Composed":
    from psycopg import sql

    if role is None:
        return sql.SQL("alter database {}").format(sql.Identifier(target))
    text = sql.SQL("alter role {} in database {}")
    return text.format(sql.Identifier(role), sql.Identifier(target))


def _note_left_out(error: "Error", statement: str, reporter: Reporter) -> None:
    reporter.note(f"left out, for {error.diag.message_primary}: {statement}")


def _copy_owner(session: Connection, source: str, target: str, reporter: Reporter) -> None:
    import psycopg
    from psycopg import sql

    row = session.execute(
        "select pg_get_userbyid(datdba) from pg_database where datname = %s", (source,)
    ).fetchone()
    if row is None:
        raise SlipwayError(f"there is no database {source}")
    text = sql.SQL("alter database {} owner to {}")
    try:
        session.execute(text.format(sql.Identifier(target), sql.Identifier(row[0])))
    except psycopg.errors.InsufficientPrivilege:
        reporter.note(f"{target} keeps its owner: this role may not give it to {row[0]}")
