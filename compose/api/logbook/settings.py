"""What the process is told from outside: settings from the environment, secrets from files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SECRETS = Path("/run/secrets")


@dataclass(frozen=True)
class Database:
    """Where the database is and how many connections this process may hold."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    pool_size: int


@dataclass(frozen=True)
class Release:
    """Which build this is, as every answer says it."""

    commit: str
    release: str
    colour: str

    def as_json(self) -> dict[str, str]:
        return {
            "service": "api",
            "commit": self.commit,
            "release": self.release,
            "colour": self.colour,
        }


@dataclass(frozen=True)
class Settings:
    """Read once at the start; nothing else looks at the environment."""

    environment: str
    database: Database
    release: Release
    session_key: bytes = field(repr=False)
    session_days: int
    log_level: str
    lab: bool
    show_release: bool
    signups_per_hour: int
    migration_head: str
    drain_seconds: float


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read every setting; a missing secret ends the start with its path."""
    return Settings(
        environment=environ.get("ENVIRONMENT", "dev"),
        database=Database(
            host=environ.get("DATABASE_HOST", "db"),
            port=int(environ.get("DATABASE_PORT", "5432")),
            name=environ.get("DATABASE_NAME", "logbook"),
            user=environ.get("DATABASE_USER", "logbook"),
            password=_secret(environ, "DATABASE_PASSWORD"),
            pool_size=int(environ.get("DATABASE_POOL_SIZE", "8")),
        ),
        release=Release(
            commit=environ.get("COMMIT") or "unknown",
            release=environ.get("RELEASE") or "0",
            colour=environ.get("COLOUR") or "none",
        ),
        session_key=_secret(environ, "SESSION_KEY").encode(),
        session_days=int(environ.get("SESSION_DAYS", "14")),
        log_level=environ.get("LOG_LEVEL", "info").upper(),
        lab=environ.get("LAB") == "on",
        show_release="on" in (environ.get("SHOW_RELEASE"), environ.get("LAB")),
        signups_per_hour=int(environ.get("SIGNUPS_PER_HOUR", "100")),
        migration_head=environ.get("MIGRATION_HEAD", ""),
        drain_seconds=float(environ.get("DRAIN_SECONDS", "2")),
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
