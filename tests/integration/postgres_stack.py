"""A database and the ops container beside it, as in an environment, for one test or many."""

import functools
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from slipway.agent.messages.request import Reply, Request
from slipway.agent.messages.restore import RestoreReply, RestoreRequest
from slipway.client import call
from slipway.client.container import Container
from slipway.client.session import Session
from slipway.database.connection import Server
from slipway.environments.environment import Environment
from slipway.hosts.local import LocalHost
from slipway.project import ROOT
from slipway.storage.store import Store
from tests.fakes.reporter import RecordingReporter
from tests.integration.docker_sandbox import IMAGES, DockerSandbox, base_image
from tests.integration.grants import grant_for, identified

R = TypeVar("R", bound=Reply)
PASSWORD = "pass 'word' $1:\\x"
OPS = f"{IMAGES}/ops"
# As compose.yml has the service `db`, with a way in from here.
DATABASE_OPTIONS = (
    *("--network-alias", "db", "--read-only", "--init", "--cap-drop", "ALL", "--user", "999:999"),
    *("--publish", "127.0.0.1::5432", "--tmpfs", "/tmp", "--tmpfs", "/run/postgresql"),
)


@dataclass(frozen=True)
class StackSession(Session):
    """The test's containers as a session of an environment that nobody deploys to."""

    database_container: Container

    @property
    def database(self) -> Container:
        return self.database_container


@dataclass
class PostgresStack:
    """Two containers on a network of their own: `db`, and ops with the code of this checkout."""

    corner: DockerSandbox
    network: str
    db: str
    ops: str
    server: Server  # the way in from here
    environment: str = "testing"
    heard: RecordingReporter = field(default_factory=RecordingReporter)

    @property
    def gateway(self) -> str:
        """This computer's address, as the containers reach it."""
        form = "{{(index .IPAM.Config 0).Gateway}}"
        return self.corner.docker("network", "inspect", "--format", form, self.network)

    def place(self) -> Container:
        return Container(LocalHost("here"), self.ops, self.environment)

    def session(self, env: Environment, database: Container | None = None) -> StackSession:
        """Open a session of an environment that is these containers, or has another database."""
        here = database or replace(self.place(), container=self.db)
        return StackSession(env, self.place(), None, here)

    def call(self, request: Request[R], store: Store | None = None) -> R:
        """Have the agent do what is requested, as a task does from a person's computer."""
        self.heard = RecordingReporter()
        request = identified(request)
        grant = grant_for(request, store) if store else None
        return call.call(self.place(), request, self.heard, grant)

    def restore(self, request: RestoreRequest, store: Store | None = None) -> RestoreReply:
        """Have a backup or a file restored, and not only planned."""
        reply = self.call(request, store)
        assert isinstance(reply, RestoreReply)
        return reply

    def sql(self, text: str, database: str = "") -> list[tuple[Any, ...]]:
        """Run SQL as the application's role; return the rows, if there are any."""
        server = self.server.named(database) if database else self.server
        with server.connect() as connection:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

    def fresh(self, name: str) -> "PostgresStack":
        """The same server with an empty database of another name, and an ops container for it."""
        quoted = name.replace('"', '""')
        self.sql(f'create database "{quoted}"', "postgres")
        ops = start_ops(self.corner, self.network, name, self.server.password_file)
        return PostgresStack(
            self.corner, self.network, self.db, ops, self.server.named(name), self.environment
        )

    @contextmanager
    def beside(self, *options: str, server: Server | None = None) -> Iterator["PostgresStack"]:
        """The same server with another ops container, for a while; `server` is the way in."""
        way = server or self.server
        ops = start_ops(self.corner, self.network, way.database, way.password_file, *options)
        there = PostgresStack(self.corner, self.network, self.db, ops, way)
        try:
            yield there
        finally:
            there.leave()

    def leave(self) -> None:
        """Remove the ops container of a `fresh` one."""
        self.corner.docker("rm", "--force", "--volumes", self.ops, check=False)


def start(
    corner: DockerSandbox,
    folder: Path,
    *,
    image: str = "postgres:17",
    database: str = "logbook",
    server_options: tuple[str, ...] = (),
) -> PostgresStack:
    """Start a database of its own and its ops container; `corner` sweeps them."""
    folder.mkdir(parents=True, exist_ok=True)
    password = folder / "DATABASE_PASSWORD"
    password.write_text(PASSWORD + "\n")
    password.chmod(0o444)
    network = f"{corner.app}-data"
    corner.docker("network", "create", "--label", corner.label, network)
    # The image's own settings: superuser `logbook`, as compose.yml has it.
    options = (
        "--network",
        network,
        "--network-alias",
        "db",
        "--publish",
        "127.0.0.1::5432",
        "--volume",
        f"{password}:/run/secrets/DATABASE_PASSWORD:ro",
        "--env",
        f"POSTGRES_DB={database}",
        "--env",
        "POSTGRES_USER=logbook",
        "--env",
        "POSTGRES_PASSWORD_FILE=/run/secrets/DATABASE_PASSWORD",
    )
    db = corner.run(
        base_image(image), "postgres", "-c", "fsync=off", *server_options, options=options
    )
    server = Server("127.0.0.1", corner.port(db, 5432), "logbook", database, password)
    server.connect().close()
    return PostgresStack(
        corner, network, db, start_ops(corner, network, database, password), server
    )


def role_secrets(folder: Path) -> tuple[str, ...]:
    """Name the passwords of roles that are in a folder, as options for an ops container."""
    return tuple(
        word
        for path in sorted(folder.glob("DATABASE_*_PASSWORD"))
        for word in ("--volume", f"{path}:/run/secrets/{path.name}:ro")
    )


def name_roles(folder: Path) -> None:
    """Write a password for each part of the work, as the move of an environment does."""
    for part in ("MIGRATOR", "READER", "BACKUP"):
        path = folder / f"DATABASE_{part}_PASSWORD"
        path.write_text(f"{part} of {PASSWORD}\n")
        path.chmod(0o444)


def role(server: Server, part: str) -> Server:
    """The way in of a part of the work, beside that of the application."""
    password = server.password_file.with_name(f"DATABASE_{part.upper()}_PASSWORD")
    return replace(server, user=f"logbook_{part}", password_file=password)


@functools.cache  # a checkout does not change while its tests run
def build_ops() -> None:
    dockerfile = str(ROOT / "compose/ops/Dockerfile")
    argv = ["docker", "build", "--quiet", "--tag", OPS, "--file", dockerfile, str(ROOT)]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def start_ops(
    corner: DockerSandbox, network: str, database: str, password: Path, *options: str
) -> str:
    """Start an ops container with the code of this checkout; return its id."""
    build_ops()
    settings = {
        "DATABASE_HOST": "db",
        "DATABASE_PORT": "5432",
        "DATABASE_NAME": database,
        "DATABASE_USER": "logbook",
        "ENVIRONMENT": "testing",
    }
    pairs = [word for key, value in settings.items() for word in ("--env", f"{key}={value}")]
    return corner.run(
        OPS,
        "sleep",
        "infinity",
        options=(
            "--network",
            network,
            "--init",
            "--read-only",
            "--tmpfs",
            "/tmp",
            "--tmpfs",
            "/var/lib/postgresql/data",
            "--cap-drop",
            "ALL",
            "--memory",
            "1g",
            "--volume",
            "/var/lib/slipway",
            "--volume",
            f"{password}:/run/secrets/DATABASE_PASSWORD:ro",
            *pairs,
            *options,
        ),
    )
