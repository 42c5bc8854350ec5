"""Secrets in a Swarm: versions that a release before would still bring back."""

from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment


@command(
    runbook="rotate-secrets",
    suggestions={"name": "secrets"},
    help={
        "name": "The secret whose former values go.",
        "plan": "Name what would be removed; change nothing.",
        "yes": "The environment's name, where no prompt is possible.",
    },
)
def forget(env: "Environment", *, name: str, plan: bool = False, yes: str = "") -> None:
    """Remove the former values of a secret that leaked; no rollback brings one back.

    The present one has to be deployed: what a service still has stays, and exit code 5 says so.

    Examples:
      inv secrets.forget --env=prod --name=SESSION_KEY --plan
      inv secrets.forget --env=prod --name=SESSION_KEY
    """
    from slipway.releases import leaked
    from slipway.show import confirm, writer
    from slipway.show.progress import TerminalReporter

    if plan:
        former = leaked.plan(env, name)
        return writer.say("\n".join(former) or f"there is no former value of {name}")
    confirm.by_name(env, "prune", f"remove the former values of {name} in {env.name}", yes)
    with TerminalReporter() as reporter:
        summary = leaked.forget(env, name, reporter)
    writer.say(summary)
    return None
