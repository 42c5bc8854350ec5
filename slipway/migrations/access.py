"""What a database must allow before migrations run on it, asked before anything is changed."""

from dataclasses import dataclass

from slipway.database.connection import Connection, Server
from slipway.database.pooler import refuse_shared_connection
from slipway.errors import Refused

ASK = """
SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on',
    current_user, current_database(),
    to_regnamespace('slipway') IS NOT NULL
        OR has_database_privilege(current_database(), 'CREATE'),
    to_regclass('public.schema_migrations') IS NOT NULL
        OR to_regnamespace('public') IS NULL
        OR has_schema_privilege('public', 'CREATE')
"""
TABLES = ("public.schema_migrations", "slipway.migrations")
MAY_WRITE = """
SELECT c.oid::regclass::text
FROM unnest(%s::text[]) AS t JOIN pg_class c ON c.oid = to_regclass(t)
WHERE NOT has_schema_privilege(c.relnamespace, 'USAGE')
    OR NOT has_table_privilege(c.oid, 'SELECT')
    OR NOT has_table_privilege(c.oid, 'INSERT')
    OR NOT has_table_privilege(c.oid, 'DELETE')
"""


@dataclass(frozen=True)
class Rights:
    """What a role may do in a database, in the order that ASK tells it."""

    is_standby: bool
    is_read_only: bool
    role: str
    database: str
    may_make_schema: bool
    may_make_table: bool


def check(server: Server, connection: Connection) -> None:
    """See that migrations can run on this connection. Raises Refused."""
    refuse_shared_connection(server, connection)
    for row in connection.execute(ASK).fetchall():
        _check_rights(server, connection, Rights(*row))


def _check_rights(server: Server, connection: Connection, rights: Rights) -> None:
    role, database = rights.role, rights.database
    if rights.is_standby:
        raise Refused(
            f"{server.host} is a standby and takes no changes; set DATABASE_HOST to the primary"
        )
    if rights.is_read_only:
        raise Refused(
            f"the database {database} is read-only for {role} (default_transaction_read_only is "
            "on); nothing was changed; switch that off first"
        )
    if not (rights.may_make_schema and rights.may_make_table):
        where = f"DATABASE {database}" if not rights.may_make_schema else "SCHEMA public"
        raise Refused(
            f"the role {role} may not create what migrations need; nothing was changed; as the "
            f"owner, run: GRANT CREATE ON {where} TO {role}"
        )
    denied = connection.execute(MAY_WRITE, [list(TABLES)]).fetchall()
    if denied:
        names = " and ".join(name for (name,) in denied)
        raise Refused(
            f"the role {role} may not write {names}, which another role made; nothing was changed; "
            "migrate with the role that owns the database"
        )
