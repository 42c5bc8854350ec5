"""Hack on the services: plain Compose with the code mounted; logs and a shell, here and there."""

import shlex
import sys
from typing import TYPE_CHECKING

from invoke.exceptions import Exit

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment

SERVICE = "Name of the service, as in compose.yml."
ENV = "Look into this environment; without it, into the hacking loop."


@command(runbook="hack-locally")
def up() -> None:
    """Start the hacking loop: every service once, code mounted and reloading.

    Example: inv up
    """
    from slipway.bootstrap import prepare
    from slipway.environments import hacking
    from slipway.releases import loop_failures, loop_ports, loop_readiness, loop_routes
    from slipway.show import progress, writer

    prepare.prepare(progress.TerminalReporter())
    model = hacking.model()
    ports = loop_routes.write(model)
    loop_ports.check(model)
    hacking.up(loop_failures.explain)
    for complaint in loop_readiness.complaints(model, hacking.ask, ports):
        writer.say(f"! {complaint}")
    writer.say(f"open {hacking.address()}")


@command(
    help={"volumes": "Remove the database of the loop too."}, runbook="hack-locally", docker=True
)
def down(*, volumes: bool = False) -> None:
    """Stop the hacking loop; its database stays.

    Example: inv down
    """
    from slipway.environments import hacking

    hacking.down(volumes=volumes)


@command(
    name="open",
    runbook="deploy",
    help={
        "env": "Open this environment; without it, the hacking loop.",
        "path": "Path to open there, such as /admin.",
    },
)
def open_(*, env: "Environment | None" = None, path: str = "") -> None:
    """Open an environment in the browser; print its addresses where there is no desktop.

    Examples:
      inv open
      inv open --env=staging --path=/admin
    """
    from slipway.edge import addresses
    from slipway.environments import hacking
    from slipway.machines import connect
    from slipway.show import browser, writer

    entrances = connect.entrances(env).values() if env else ()
    known = addresses.of(env.settings, entrances) if env else [hacking.address()]
    first, *others = addresses.openable(known, path)
    for address in (first, *others):
        writer.say(address)
    browser.open_address(first)


@command(
    runbook="hack-locally",
    help={
        "env": ENV,
        "service": f"{SERVICE} Without it all, in the hacking loop only.",
        "lines": "How many lines to begin with.",
        "follow": "Follow new lines; Ctrl-C ends it.",
    },
    suggestions={"service": "services"},
)
def logs(
    *, env: "Environment | None" = None, service: str = "", lines: int = 100, follow: bool = False
) -> None:
    """Show logs.

    Examples:
      inv logs --service=api --follow
      inv logs --env=prod --service=api
    """
    from slipway.environments import hacking
    from slipway.errors import UsageError
    from slipway.releases import containers
    from slipway.show import writer

    if env is None:
        raise Exit(code=hacking.logs(service, lines=lines, live=follow, on_line=writer.say))
    if not service:
        raise UsageError("--service is required with --env, --service=api for example")
    raise Exit(code=containers.follow(env, service, lines=lines, live=follow, on_line=writer.say))


@command(
    name="exec",
    runbook="docker-commands",
    help={"env": ENV, "service": SERVICE, "command": "What to run there; a shell by default."},
    suggestions={"service": "services"},
)
def execute(*, service: str, env: "Environment | None" = None, command: str = "sh") -> None:
    """Run a command in a container of a service.

    Examples:
      inv exec --service=api
      inv exec --env=prod --service=ops --command="psql --version"
    """
    from slipway.environments import hacking
    from slipway.errors import UsageError
    from slipway.releases import containers

    try:
        argv, tty = shlex.split(command), sys.stdin.isatty()
    except ValueError as error:
        raise UsageError(
            f"--command={command[:60]!a} is no command line: {str(error).lower()}; "
            "quote it as for a shell"
        ) from None
    if env is None:
        raise Exit(code=hacking.execute(service, argv, tty=tty))
    raise Exit(code=containers.execute(env, service, argv, tty=tty))
