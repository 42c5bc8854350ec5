"""Sample rows for a database: SQL files that may run again, each in a transaction of its own."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from slipway.database.connection import Server
from slipway.errors import SlipwayError
from slipway.progress import Reporter

if TYPE_CHECKING:
    from psycopg import Error

APPLICATION = "slipway seed"


class SeedFailed(SlipwayError):
    """A file of sample rows did not run; the text names file and line, the rest of it stays out."""


def run(server: Server, files: Mapping[str, str], reporter: Reporter) -> list[str]:
    """Run the files in the order given; return their names. Raises SeedFailed."""
    import psycopg

    names: list[str] = []
    if not files:
        return names
    with server.connect(application=APPLICATION) as connection:
        for name, text in files.items():
            try:
                with connection.transaction():
                    connection.execute(text.encode())
                    if connection.info.transaction_status.name not in ("INTRANS", "INERROR"):
                        raise SeedFailed(f"seed/{name} ends its own transaction; remove COMMIT")
            except psycopg.Error as error:
                raise SeedFailed(_explain(name, text, error, names)) from None
            connection.execute("DISCARD ALL")  # what one file sets must not reach the next
            reporter.note(f"seeded {name}")
            names.append(name)
    return names


def _explain(name: str, text: str, error: "Error", before: list[str]) -> str:
    diag = error.diag
    reason = diag.message_primary or str(error).strip().partition("\n")[0]
    where = ""
    if diag.statement_position and diag.statement_position.isdigit():
        where = f", line {text.count(chr(10), 0, int(diag.statement_position) - 1) + 1}"
    state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
    stays = f"; {', '.join(before)} before it stays" if before else ""
    return f"seed/{name}{where}: {reason}{state}; nothing of this file was kept{stays}"
