"""Indexes that CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY left behind, good for nothing."""

from collections.abc import Mapping

from slipway.database.connection import Connection
from slipway.migrations.statement import Statement

# A partitioned parent waits for its partitions, and what somebody is building is not done yet.
INVALID = """
SELECT format('%I.%I', n.nspname, c.relname), c.relname
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i'
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid)
ORDER BY 1
"""


def invalid(connection: Connection) -> dict[str, str]:
    """Find the invalid indexes: how SQL names each, and its bare name."""
    return dict(connection.execute(INVALID).fetchall())


def left_by(statement: Statement, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Say which invalid indexes a statement has left or passed over, and how to drop them."""
    words = {word.strip('"').lower() for word in statement.words}
    indexes_left = [
        full for full, bare in after.items() if full not in before or bare.lower() in words
    ]
    if not indexes_left or statement.kind == "DROP INDEX":
        return ""
    drops = " ".join(f"DROP INDEX CONCURRENTLY {full};" for full in indexes_left)
    return f"; an invalid index was left, before you try again type in `inv db.shell`: {drops}"
