"""What keeps a database from being replaced or dropped, each with the command that ends it."""

from slipway.database.connection import Connection

SHOWN = 3  # of each kind; there may be hundreds of prepared transactions
PREPARED = """
    select format('the prepared transaction %%1$L holds %%2$s (end it there: commit prepared %%1$L,'
                  ' or rollback prepared %%1$L)', gid, database)
    from pg_catalog.pg_prepared_xacts where database = %s order by prepared
"""
SUBSCRIPTIONS = """
    select format('the subscription %%1$s brings rows of another server into %%2$s (end it there:'
                  ' drop subscription %%1$I; its slot on that server goes with it, and a new'
                  ' subscription copies all rows again)', subname, datname)
    from pg_catalog.pg_subscription join pg_catalog.pg_database d on d.oid = subdbid
    where datname = %s order by subname
"""
# One that is temporary ends with its session.
SLOTS = """
    select format('the replication slot %%1$s keeps the changes of %%2$s for a consumer%%3$s (stop'
                  ' that, then: select pg_drop_replication_slot(%%1$L); it has to begin again with'
                  ' a full copy)',
                  slot_name, database, case when active then ' (one reads now)' end)
    from pg_catalog.pg_replication_slots
    where database = %s and not temporary and (active or not %s) order by slot_name
"""
TEMPLATE = """
    select format('%%1$s is a template, which cannot be dropped (end that: alter database %%1$I'
                  ' is_template false)', datname)
    from pg_catalog.pg_database where datistemplate and datname = %s
"""


def to_replacing(session: Connection, database: str) -> list[str]:
    """Say what a swap would fail at, or leave with the replaced database without a word."""
    return [
        *prepared_transactions(session, database),
        *_rows(session, SUBSCRIPTIONS, database),
        *_rows(session, SLOTS, database, False),
        *_rows(session, TEMPLATE, database),
    ]


def to_dropping(session: Connection, database: str) -> list[str]:
    """Say what the server refuses to drop a database for, besides sessions."""
    return [
        *prepared_transactions(session, database),
        *_rows(session, SUBSCRIPTIONS, database),
        *_rows(session, SLOTS, database, True),
        *_rows(session, TEMPLATE, database),
    ]


def prepared_transactions(session: Connection, database: str) -> list[str]:
    """Say which transactions would keep even the name of a database."""
    return _rows(session, PREPARED, database)


def _rows(session: Connection, query: str, *values: object) -> list[str]:
    rows = session.execute(query.encode(), values).fetchall()
    more = [f"{len(rows) - SHOWN} more like it"] if len(rows) > SHOWN else []
    return [*(str(row[0]) for row in rows[:SHOWN]), *more]
