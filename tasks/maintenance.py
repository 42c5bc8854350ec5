"""An environment closed for a while, with a page that says why, and opened again."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment


@command(
    runbook="maintenance",
    help={
        "on": "Close it: everybody gets 503 with the message, except those who pass.",
        "off": "Open it again.",
        "message": "What people read; plain text.",
        "until": "When it is expected to end, in UTC: 30m, 22:30 or 2026-12-01T22:30.",
        "allow": "Addresses and networks that pass, with commas.",
        "yes": "The environment's name, where no prompt is possible.",
        "json": "Print it as JSON.",
    },
)
def maintenance(
    env: "Environment",
    *,
    on: bool = False,
    off: bool = False,
    message: str = "",
    until: str = "",
    allow: str = "",
    yes: str = "",
    json: bool = False,
) -> None:
    """Close an environment for maintenance, open it again, or show whether it is closed.

    Examples:
      inv maintenance --env=prod
      inv maintenance --env=prod --on --message="We move house." --until=22:30 --allow=203.0.113.7
      inv maintenance --env=prod --off
    """
    from slipway.errors import UsageError
    from slipway.releases import maintenance as closing
    from slipway.show import confirm, progress, releases, writer

    if on and off:
        raise UsageError("--on and --off at once; leave one of them out")
    if not on and (message or until or allow):
        raise UsageError("--message, --until and --allow are about --on, which is not there")
    if on:
        end, passes = closing.until(until, datetime.now(UTC)), closing.addresses(allow)
        begun = closing.described(message, end, passes)
        confirm.by_name(env, "close", f"close {env.name} to its users", yes)
        closing.close(env, begun, progress.TerminalReporter())
        writer.say(f"{env.name} is closed; to open it: inv maintenance --env={env.name} --off")
    elif off:
        closing.open_again(env, progress.TerminalReporter())
        writer.say(f"{env.name} is open")
    else:
        releases.show_maintenance(env, closing.look(env), as_json=json)
