"""A database with a role for each part of the work, new or moved over from one superuser."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.database.connection import Server
from slipway.project import ROOT
from tests.integration.docker_sandbox import IMAGES, DockerSandbox, base_image
from tests.integration.postgres_stack import (
    DATABASE_OPTIONS,
    PASSWORD,
    PostgresStack,
    name_roles,
    role_secrets,
    start_ops,
)
from tests.waiting import PATIENCE

IMAGE = f"{IMAGES}/db"
BEFORE = """
    create table public.schema_migrations (version varchar primary key);
    create table people (id bigint generated always as identity primary key, name text not null);
    insert into people (name) select 'ünï ' || n from generate_series(1, 1000) n;
    create table visits (id serial primary key, person bigint references people on delete cascade);
    create schema "Other"; create type "Other"."Mood" as enum ('well');
    create table "Other"."T" (a int, m "Other"."Mood") partition by list (a);
    create table "Other"."T1" partition of "Other"."T" for values in (1);
    create view names as select name from people;
    create materialized view counted as select count(*) from people;
    create function one() returns int language sql as 'select 1';
    create extension citext; create publication part for table people;
    select lo_from_bytea(7, '\\x010203');
    alter role logbook set search_path = public, "Other";
"""


class RolesHome:
    """A volume and a folder of secrets, over which databases come and go."""

    def __init__(self, corner: DockerSandbox, folder: Path) -> None:
        self.corner, self.secrets = corner, folder / "secrets"
        self.secrets.mkdir()
        self.secrets.chmod(0o755)
        self.volume = f"{corner.app}-db"
        self.network = f"{corner.app}-data"
        base_image("postgres:17")
        corner.docker("build", "--quiet", "--tag", IMAGE, str(ROOT / "compose/db"))
        corner.docker("network", "create", "--label", corner.label, self.network)
        corner.docker("volume", "create", "--label", corner.label, self.volume)
        self.write("DATABASE_PASSWORD", PASSWORD)

    def write(self, name: str, word: str) -> Path:
        path = self.secrets / name
        path.unlink(missing_ok=True)
        path.write_text(word + "\n")
        path.chmod(0o444)
        return path

    def start(self, **settings: str) -> PostgresStack:
        """Start the database and an ops container with the secrets that there are."""
        given = {
            "POSTGRES_DB": "logbook",
            "POSTGRES_USER": "logbook",
            "POSTGRES_PASSWORD_FILE": "/run/secrets/DATABASE_PASSWORD",
            **settings,
        }
        options = ["--network", self.network, *DATABASE_OPTIONS]
        options += ["--volume", f"{self.secrets}:/run/secrets:ro"]
        options += ["--volume", f"{self.volume}:/var/lib/postgresql/data"]
        options += [word for key, value in given.items() for word in ("--env", f"{key}={value}")]
        db = self.corner.run(IMAGE, "postgres", "-c", "fsync=off", options=(*options,))
        password = self.secrets / "DATABASE_PASSWORD"
        server = Server("127.0.0.1", self.corner.port(db, 5432), "logbook", "logbook", password)
        server.connect(patience=PATIENCE).close()
        return PostgresStack(self.corner, self.network, db, self.ops(), server)

    def ops(self) -> str:
        password = self.secrets / "DATABASE_PASSWORD"
        options = role_secrets(self.secrets)
        return start_ops(self.corner, self.network, "logbook", password, *options)

    def stop(self, place: PostgresStack) -> None:
        self.corner.docker("stop", place.db)
        place.leave()
        self.corner.docker("rm", "--force", place.db)


def socket_sql(place: PostgresStack, text: str, who: str = "postgres") -> str:
    """Run SQL over the socket in the container of the database."""
    argv = ["exec", place.db, "psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-U", who, "-c", text]
    return place.corner.docker(*argv, "logbook")


@pytest.fixture(scope="module")
def moved(
    module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresStack]:
    """A database that the release before made with one superuser, and that got its roles."""
    home = RolesHome(module_corner, tmp_path_factory.mktemp("roles"))
    before = home.start()
    before.sql(BEFORE)
    home.stop(before)
    name_roles(home.secrets)
    yield home.start()
    shutil.rmtree(home.secrets)
