"""What the process is told from outside: settings from the environment, secrets from files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SECRETS = Path("/run/secrets")


@dataclass(frozen=True)
class Database:
    """Where the database is and who asks."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Release:
    """Which build this is, as /version says it."""

    commit: str
    release: str
    colour: str

    def as_json(self) -> dict[str, str]:
        return {
            "service": "worker",
            "commit": self.commit,
            "release": self.release,
            "colour": self.colour,
        }


@dataclass(frozen=True)
class Settings:
    """Read once at the start; nothing else looks at the environment."""

    database: Database
    release: Release
    log_level: str
    migration_head: str


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read every setting; a missing secret ends the start with its path."""
    return Settings(
        database=Database(
            host=environ.get("DATABASE_HOST", "db"),
            port=int(environ.get("DATABASE_PORT", "5432")),
            name=environ.get("DATABASE_NAME", "logbook"),
            user=environ.get("DATABASE_USER", "logbook"),
            password=_secret(environ, "DATABASE_PASSWORD"),
        ),
        release=Release(
            commit=environ.get("COMMIT") or "unknown",
            release=environ.get("RELEASE") or "0",
            colour=environ.get("COLOUR") or "none",
        ),
        log_level=environ.get("LOG_LEVEL", "info").upper(),
        migration_head=environ.get("MIGRATION_HEAD", ""),
    )


def _secret(environ: Mapping[str, str], name: str) -> str:
    path = Path(environ.get(f"{name}_FILE") or SECRETS / name)
    try:
        value = path.read_text().strip()
    except OSError as error:
        raise SystemExit(f"secret {name}: cannot read {path}: {error.strerror}") from error
    if not value:
        raise SystemExit(f"secret {name}: {path} is empty")
    return value
