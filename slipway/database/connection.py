"""The way to an environment's database, from the settings and the secret of a container."""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from slipway.errors import ConfigError, SlipwayError

if TYPE_CHECKING:
    import psycopg

# A string: psycopg is loaded only where something is asked of a database.
Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

PASSWORD_FILE = Path("/run/secrets/DATABASE_PASSWORD")
PATIENCE = 60.0  # a database that restarts is back by then
RETRY = 0.3
PASSED = ("PGSSLMODE", "PGSSLROOTCERT")  # libpq reads them, here and in the application
MAINTENANCE = "postgres"  # the database every server has


class NoDatabase(SlipwayError):
    """The database cannot be reached, or does not let us in."""


@dataclass(frozen=True)
class Server:
    """Where a database is and who asks; the password stays in its file.

    `application` is the application's role, where the one who asks is another.
    """

    host: str
    port: int
    user: str
    database: str
    password_file: Path
    application: str = ""
    plain: bool = False  # no TLS, whatever the settings say

    def named(self, database: str) -> "Server":
        """Return the same server with another database."""
        return replace(self, database=database)

    def connect(self, *, patience: float = PATIENCE, application: str = "slipway") -> Connection:
        """Open an autocommit connection, waiting for a server that is still starting.

        Raises NoDatabase with the reason; at once where waiting would not help.
        """
        import psycopg

        deadline = time.monotonic() + patience
        while True:
            try:
                return psycopg.connect(
                    host=self.host,
                    port=self.port,
                    dbname=self.database,
                    user=self.user,
                    password=self._password(),
                    application_name=application,
                    connect_timeout=5,
                    client_encoding="utf8",  # as all we send is, whatever the database's own
                    autocommit=True,
                    sslmode="disable" if self.plain else None,
                )
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or _is_permanent(str(error)):
                    raise NoDatabase(self._complaint(str(error))) from None
                time.sleep(RETRY)

    @contextlib.contextmanager
    def libpq(self, *, application: str = "slipway") -> Iterator[dict[str, str]]:
        """Yield an environment in which PostgreSQL's own programs find this database.

        The password is in a file that only we can read, never in the environment.
        """
        fields = (self.host, str(self.port), "*", self.user, self._password())
        escaped = (field.replace("\\", "\\\\").replace(":", "\\:") for field in fields)
        descriptor, path = tempfile.mkstemp(prefix="pgpass-")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(":".join(escaped) + "\n")
            yield {
                "PATH": os.environ.get("PATH", os.defpath),
                "LANG": "C.UTF-8",
                "LC_MESSAGES": "C",
                "PGHOST": self.host,
                "PGPORT": str(self.port),
                "PGUSER": self.user,
                "PGDATABASE": self.database,
                "PGPASSFILE": path,
                "PGAPPNAME": application,
                "PGCONNECT_TIMEOUT": "10",
            } | self._transport()
        finally:
            Path(path).unlink(missing_ok=True)

    def _transport(self) -> dict[str, str]:
        if self.plain:
            return {"PGSSLMODE": "disable"}
        return {name: os.environ[name] for name in PASSED if name in os.environ}

    def _complaint(self, message: str) -> str:
        place = f"{self.host}:{self.port}"
        if "FATAL:" in message:
            who = f"the database {self.database} at {place} does not let {self.user} in"
            return f"{who}: {_reason(message)}"
        return f"the database server at {place} does not answer: {_reason(message)}"

    def _password(self) -> str:
        try:
            return self.password_file.read_text().removesuffix("\n")
        except OSError as error:
            raise ConfigError(f"cannot read {self.password_file}: {error.strerror}") from None


def server(environ: Mapping[str, str] = os.environ) -> Server:
    """Read where the database is from a container's settings. Raises ConfigError."""
    try:
        return Server(
            host=environ["DATABASE_HOST"],
            port=int(environ.get("DATABASE_PORT", "5432")),
            user=environ["DATABASE_USER"],
            database=environ["DATABASE_NAME"],
            password_file=Path(environ.get("DATABASE_PASSWORD_FILE", PASSWORD_FILE)),
        )
    except KeyError as error:
        raise ConfigError(f"the setting {error.args[0]} is missing here") from None


def _is_permanent(message: str) -> bool:
    """libpq gives no SQLSTATE for a refused connection, only the server's English sentence."""
    if "just been dropped or renamed" in message:
        return False  # one database takes the place of another at this very moment
    signs = ("authentication failed", "does not exist", "no pg_hba.conf entry", "permission denied")
    return any(sign in message for sign in signs)


def _reason(message: str) -> str:
    """Return the last sentence of libpq's; the ones before tell of other addresses tried."""
    lines = [line.strip() for line in message.strip().splitlines()]
    reasons = [line for line in lines if line and not line.startswith("Is the server running")]
    last = reasons[-1].rpartition("FATAL:")[2] if reasons else "no reason given"
    return (
        last.rpartition(" failed: ")[2].strip() if "connection to server" in last else last.strip()
    )


def connect(environ: Mapping[str, str] = os.environ, patience: float = PATIENCE) -> Connection:
    """Open an autocommit connection to the database that a container's settings name."""
    return server(environ).connect(patience=patience)
