"""A table public.schema_migrations that is another tool's: Rails, Ecto, Sequel and golang-migrate
call theirs so too. Slipway and dbmate have one column in it, a text called version.
"""

from slipway.database.connection import Connection
from slipway.errors import Refused

ASK = """
SELECT to_regclass('public.ar_internal_metadata') IS NOT NULL, array_agg(
    format('%s %s', attname, format_type(atttypid, NULL)) ORDER BY attnum)
FROM pg_catalog.pg_attribute
WHERE attrelid = to_regclass('public.schema_migrations') AND attnum > 0 AND NOT attisdropped
"""
OURS = (["version character varying"], ["version text"])


def owner(connection: Connection) -> str:
    """Say whose record the table is; nothing where it is not there, dbmate's or Slipway's."""
    is_rails, columns = connection.execute(ASK).fetchone() or (False, None)
    if columns is None:
        return ""
    if is_rails:
        return "Rails (ar_internal_metadata is there too)"
    return "" if columns in OURS else f"another tool ({', '.join(columns)})"


def problem(owner: str) -> str:
    """Say why files of compose/migrations do not run beside that table."""
    return (
        f"public.schema_migrations is the record of {owner}, and Slipway's would be in the same "
        "table: change the schema with that tool alone, as a job of the release, and leave "
        "compose/migrations empty"
    )


def refuse(connection: Connection) -> None:
    """Raise Refused where the table is another tool's."""
    if name := owner(connection):
        raise Refused(f"{problem(name)}; nothing was changed")
