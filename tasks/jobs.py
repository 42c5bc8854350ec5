"""What runs once, or once more: a job on request, a console; a service restarted."""

import dataclasses
import sys
from typing import TYPE_CHECKING

from invoke.exceptions import Exit

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment

SERVICE = "Name of the service, as in compose.yml."
ENV = "Environment to run it in, as its release has it; without it, the hacking loop."


@command(
    runbook="jobs",
    help={
        "env": ENV,
        "service": "A service with slipway.role job; with --command any that runs in a colour.",
        "command": "What to run in place of the service's own command.",
        "detach": "Return once it runs; with --env only.",
        "json": "Print how it ended as JSON, and its lines to stderr.",
    },
    suggestions={"service": "services"},
)
def run(
    *,
    service: str,
    env: "Environment | None" = None,
    command: str = "",
    detach: bool = False,
    json: bool = False,
) -> None:
    """Run a job once, show its lines, and end with its exit code; never two at a time.

    Examples:
      inv run --service=report
      inv run --env=prod --service=report
      inv run --env=prod --service=api --command="python -m logbook --help"
      inv run --env=prod --service=report --detach
    """
    from slipway.bootstrap import prepare
    from slipway.environments import hacking
    from slipway.errors import UsageError
    from slipway.releases import one_off
    from slipway.show import progress, runs_once, table, writer

    words = one_off.words(command)
    if env is None:
        if detach or json:
            raise UsageError("--detach and --json are for an environment; add --env=...")
        prepare.prepare(progress.TerminalReporter())
        raise Exit(code=hacking.run(service, words, tty=sys.stdin.isatty()))
    on_line = writer.tell if json else writer.say
    with progress.TerminalReporter() as reporter:
        result = one_off.run(env, service, words, detach=detach, on_line=on_line, reporter=reporter)
    if json:
        table.document(dataclasses.asdict(result))
    else:
        runs_once.show(env, result)
    raise Exit(code=result.code or 0)


@command(
    runbook="jobs",
    help={
        "env": ENV,
        "service": f"{SERVICE} One with slipway.console, where there is one, by default.",
        "command": "What to open in place of the label slipway.console, or of a shell.",
    },
    suggestions={"service": "services"},
)
def console(*, env: "Environment | None" = None, service: str = "", command: str = "") -> None:
    """Open a console in a container of its own, with the serving release's image and secrets.

    Examples:
      inv console
      inv console --env=prod --service=api
      inv console --env=prod --service=api --command="python"
    """
    from slipway.bootstrap import prepare
    from slipway.environments import hacking
    from slipway.releases import consoles, one_off
    from slipway.show import progress

    words, tty = one_off.words(command), sys.stdin.isatty() and sys.stdout.isatty()
    if env is None:
        prepare.prepare(progress.TerminalReporter())
        name, words = consoles.of_loop(hacking.model(), service, words)
        raise Exit(code=hacking.run(name, words, tty=tty))
    raise Exit(code=consoles.enter(env, service, words, tty=tty))


@command(
    runbook="jobs",
    help={
        "service": SERVICE,
        "downtime": "Restart also what there is one of, a database: who uses it meets errors.",
    },
    suggestions={"service": "services"},
)
def restart(env: "Environment", *, service: str, downtime: bool = False) -> None:
    """Restart a service, one container after the other, without a failed request.

    Examples:
      inv restart --env=prod --service=api
      inv restart --env=staging --service=db --downtime
    """
    from slipway.releases import restart as restarts
    from slipway.show import progress, writer

    with progress.TerminalReporter() as reporter:
        result = restarts.restart(env, service, reporter, downtime=downtime)
    count = f"{result.containers} container{'s' * (result.containers != 1)}"
    writer.say(f"{result.service} was restarted, {count}, and is healthy")
