"""A connection to the environment's database, from the settings and the secret of a container."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from psycopg import Connection

PASSWORD_FILE = Path("/run/secrets/DATABASE_PASSWORD")
PATIENCE = 60.0  # a database that starts anew is back by then


def connect(
    environ: Mapping[str, str] = os.environ, patience: float = PATIENCE
) -> "Connection[tuple[str, ...]]":
    """Open an autocommit connection, waiting for a database that is still starting."""
    import psycopg

    password = Path(environ.get("DATABASE_PASSWORD_FILE", PASSWORD_FILE))
    deadline = time.monotonic() + patience
    while True:
        try:
            return psycopg.connect(
                host=environ["DATABASE_HOST"],
                port=int(environ["DATABASE_PORT"]),
                dbname=environ["DATABASE_NAME"],
                user=environ["DATABASE_USER"],
                password=password.read_text().removesuffix("\n"),
                application_name="slipway",
                connect_timeout=5,
                autocommit=True,
            )
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                host = environ["DATABASE_HOST"]
                reason = " ".join(str(error).split())
                raise SlipwayError(f"the database at {host} does not answer: {reason}") from None
            time.sleep(0.3)
        except OSError as error:
            raise SlipwayError(f"cannot read {password}: {error.strerror}") from None
