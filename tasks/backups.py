"""What is kept of the database: backups taken, proven, pruned and restored."""

from slipway.environments.environment import Environment
from tasks.command import command


@command(
    runbook="backup",
    help={
        "roles_with_passwords": "Keep the hashes of roles' passwords too; they are encrypted.",
        "json": "Print what it came to as JSON.",
    },
)
def backup(
    env: Environment | None = None, *, roles_with_passwords: bool = False, json: bool = False
) -> None:
    """Back up the database: dumped, decoded in full, encrypted, stored; without --env the loop's.

    Examples:
      inv db.backup --env=prod
      inv db.backup
    """
    from slipway.ops import vault
    from slipway.releases import beside
    from slipway.show import backups as shown
    from slipway.show.telling import Telling

    with beside.connected(env) as there, Telling() as telling:
        found = vault.take(there, telling, role_passwords=roles_with_passwords)
    shown.show_taken(found, as_json=json)


@command(runbook="backup", help={"json": "Print it as JSON."})
def backups(env: Environment | None = None, *, json: bool = False) -> None:
    """List the backups there are: how old, how large, of what, and whether they are proven.

    Example: inv db.backups --env=prod
    """
    from slipway.ops import vault
    from slipway.releases import beside
    from slipway.show import backups as shown
    from slipway.show.telling import Telling

    with beside.connected(env) as there, Telling() as telling:
        found = vault.listed(there, telling)
    shown.show_list(there.env, found, as_json=json)


@command(
    runbook="backup",
    help={
        "backup": "Which one: latest, all, or an id that inv db.backups shows.",
        "json": "Print what was found as JSON.",
    },
)
def verify(env: Environment | None = None, *, backup: str = "latest", json: bool = False) -> None:
    """Read backups back wholly from where they lie; exit code 5 when one is not whole.

    Example: inv db.verify --env=prod --backup=all
    """
    from slipway.ops import vault
    from slipway.releases import beside
    from slipway.show import backups as shown
    from slipway.show.telling import Telling

    with beside.connected(env) as there, Telling() as telling:
        found = vault.verify(there, backup, telling)
    shown.show_proofs(found, as_json=json)
    vault.demand_whole(found)


@command(runbook="backup")
def schedule(env: Environment) -> None:
    """Have backups taken, drilled and pruned by the clock, as backups/policy.yml says.

    Example: inv db.schedule --env=prod
    """
    from slipway.releases import schedule as schedules
    from slipway.show import outcome

    outcome.show_scheduled(env, schedules.schedule(env))


@command(runbook="backup")
def unschedule(env: Environment) -> None:
    """Take no more backups by the clock; the ones there are stay.

    Example: inv db.unschedule --env=prod
    """
    from slipway.releases import schedule as schedules
    from slipway.show import outcome

    found = schedules.unschedule(env)
    outcome.say(f"{env.name} is {'no longer' if found else 'not'} scheduled")


@command(
    runbook="backup",
    help={
        "env": "Environment to act on; without it, the hacking loop.",
        "plan": "Show what would be removed and what stays, and remove nothing.",
        "yes": "The environment's name, where nobody can be asked.",
        "json": "Print the result as JSON.",
    },
)
def prune(
    *, env: Environment | None = None, plan: bool = False, yes: str = "", json: bool = False
) -> None:
    """Remove backups that backups/policy.yml does not keep.

    Example: inv db.prune --env=prod --plan
    """
    from slipway.releases import backups, beside
    from slipway.show import confirm, outcome, telling

    if env is not None and not plan and env.name not in ("dev", "testing"):
        confirm.destruction(env.name, f"remove old backups of {env.name}", yes)
    with beside.connected(env) as found, telling.Telling() as report:
        result = backups.prune(found, report, plan=plan)
    outcome.show_pruned(result, as_json=json)
