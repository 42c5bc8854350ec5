"""The hacking loop: plain Compose on this computer, code mounted, one container of each service."""

from collections.abc import Sequence

from slipway.errors import SlipwayError
from slipway.hosts.local import LocalHost
from slipway.project import COMPOSE

COMPOSE_COMMAND = ["docker", "compose", "--project-directory", str(COMPOSE)]


def up() -> None:
    """Build and start everything, and wait until it is healthy."""
    _attach(["up", "--build", "--detach", "--wait", "--remove-orphans"])


def down(*, volumes: bool) -> None:
    """Stop everything; the database stays unless `volumes` says otherwise."""
    _attach(["down", "--remove-orphans", *(["--volumes"] if volumes else [])])


def logs(service: str, *, lines: int, live: bool) -> int:
    """Show the log of one service, or of all."""
    argv = ["logs", "--tail", str(lines), *(["--follow"] if live else [])]
    return _host().attach([*COMPOSE_COMMAND, *argv, *([service] if service else [])])


def execute(service: str, argv: Sequence[str], *, tty: bool) -> int:
    """Run a command in the container of a service."""
    flags = [] if tty else ["--no-TTY"]
    return _host().attach([*COMPOSE_COMMAND, "exec", *flags, service, *argv])


def address() -> str:
    """Return where the loop's edge is open on this computer."""
    result = _host().run([*COMPOSE_COMMAND, "port", "edge", "8080"], timeout=20)
    return f"http://{result.out.strip().replace('127.0.0.1', 'localhost')}"


def _attach(argv: Sequence[str]) -> None:
    code = _host().attach([*COMPOSE_COMMAND, *argv])
    if code != 0:
        raise SlipwayError(f"docker compose {argv[0]} ended with {code}; its output is above")


def _host() -> LocalHost:
    return LocalHost(cwd=COMPOSE)
