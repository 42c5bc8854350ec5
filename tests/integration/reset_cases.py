"""What tests of resets share: a reset that makes one table, and its tables."""

from typing import Any

from slipway.database.connection import Server
from slipway.database.reset import ResetOptions

SEEDS = {"common.sql": "INSERT INTO accounts (email, name, password_hash) VALUES ('a@b', 'A', '!')"}


def wish(**other: Any) -> ResetOptions:
    """A reset in dev that makes one table."""

    def fill(server: Server) -> None:
        with server.connect() as connection:
            connection.execute("CREATE TABLE fresh (id int)")

    given: dict[str, Any] = {"asked": "dev", "setting": "dev", "before": _nothing, "fill": fill}
    return ResetOptions(**given | other)


def _nothing(_: Server) -> None: ...


def tables(server: Server) -> set[str]:
    with server.connect() as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in rows}
