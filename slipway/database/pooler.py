"""Finds a pooler that gives a connection away between transactions: locks mean nothing there."""

from slipway.database.connection import Connection, Server
from slipway.errors import Refused

PID = "SELECT pg_backend_pid()"
TRIES = 3


def refuse_shared_connection(server: Server, connection: Connection) -> None:
    """Raise Refused where the server behind a connection changes between two statements."""
    if _pid(connection) == connection.info.backend_pid:
        return  # what the server said at the start: nobody stands between
    with server.connect(application="slipway") as other:
        for _ in range(TRIES):
            before = _pid(connection)
            with other.transaction():
                if _pid(other) == before or _pid(connection) != before:
                    raise Refused(
                        f"{server.host}:{server.port} is a pooler that shares connections between "
                        "transactions (PgBouncer's pool_mode=transaction), where one run cannot "
                        "keep out another; nothing was changed; connect to the server's own "
                        "address (DATABASE_HOST), or give this database pool_mode=session"
                    )


def _pid(connection: Connection) -> int:
    row = connection.execute(PID).fetchone()
    return int(row[0]) if row else 0
