"""What tests of resets share: a reset that makes one table, and its tables."""

from typing import Any

from slipway.database.connection import Server
from slipway.database.reset import Reset, ResetResult, ResetSpec
from slipway.progress import Reporter
from tests.fakes.reporter import RecordingReporter

SEEDS = {"common.sql": "INSERT INTO accounts (email, name, password_hash) VALUES ('a@b', 'A', '!')"}


def reset(server: Server, reporter: Reporter | None = None, **changes: Any) -> ResetResult:
    """Reset a database of dev to one table."""
    return prepare(server, reporter, **changes).run()


def prepare(server: Server, reporter: Reporter | None = None, **changes: Any) -> Reset:
    """Return such a reset before it runs."""

    def migrate(new: Server) -> str:
        with new.connect() as connection:
            connection.execute("CREATE TABLE fresh (id int)")
        return ""

    fields: dict[str, Any] = {"environment": "dev", "setting": "dev", "migrate": migrate}
    spec = ResetSpec(**{"back_up": str, **fields, **changes})
    return Reset(server, spec, reporter or RecordingReporter())


def tables(server: Server) -> set[str]:
    with server.connect() as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in rows}
