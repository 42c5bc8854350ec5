"""Backups of the database: taken, verified, pruned, restored, scheduled."""

from typing import TYPE_CHECKING

from slipway.errors import UsageError

from .command import command, environments

if TYPE_CHECKING:
    from slipway.environments.environment import Environment


@command(
    runbook="backup",
    help={
        "roles_with_passwords": "Keep the hashes of roles' passwords too; they are encrypted.",
        "physical": "Take a base backup for point-in-time recovery instead (PITR=on).",
        "full": "With --physical: all of it, not only what changed since the one before.",
        "plan": "Check what it needs and show its steps; store nothing.",
        "json": "Print the result as JSON.",
    },
)
def backup(
    env: "Environment | None" = None,
    *,
    roles_with_passwords: bool = False,
    physical: bool = False,
    full: bool = False,
    plan: bool = False,
    json: bool = False,
) -> None:
    """Back up the database: dumped, decoded in full, encrypted, stored; without --env the loop's.

    Examples:
      inv db.backup --env=prod
      inv db.backup
      inv db.backup --env=prod --plan
      inv db.backup --env=prod --physical
    """
    from slipway.client import backups as client_backups
    from slipway.client.pitr import pgbackrest
    from slipway.client.session import connected
    from slipway.show import backups as show
    from slipway.show.progress import TerminalReporter

    if full and not physical:
        raise UsageError("--full is of base backups: add --physical; a dump is always full")
    if physical and roles_with_passwords:
        raise UsageError("a base backup holds the roles' passwords anyway; leave the flag out")
    if physical and plan:
        raise UsageError("--plan shows the steps of a dump; leave --physical out")
    with connected(env) as session, TerminalReporter(lasting=True, quiet=True) as reporter:
        reply = (
            pgbackrest.take(session, reporter, full=full)
            if physical
            else client_backups.take(
                session, reporter, role_passwords=roles_with_passwords, plan=plan
            )
        )
    show.show_backup(reply, as_json=json)


@command(runbook="backup", help={"json": "Print it as JSON."})
def backups(env: "Environment | None" = None, *, json: bool = False) -> None:
    """List the backups there are: how old, how large, of what, and whether they are proven.

    Example: inv db.backups --env=prod
    """
    from slipway.client import backups as client_backups
    from slipway.client.pitr import pgbackrest
    from slipway.client.session import connected
    from slipway.show import backups as show
    from slipway.show.progress import TerminalReporter

    with connected(env) as session, TerminalReporter() as reporter:
        backups = client_backups.read_list(session, reporter)
        archive = pgbackrest.read_catalogue(session, reporter)
    show.show_list(session.env, backups, archive, as_json=json)


@command(
    runbook="backup",
    help={
        "backup": "Which one: latest, all, or an id that inv db.backups shows.",
        "physical": "Read the archive of point-in-time recovery instead (PITR=on).",
        "json": "Print the result as JSON.",
    },
)
def verify(
    env: "Environment | None" = None,
    *,
    backup: str = "latest",
    physical: bool = False,
    json: bool = False,
) -> None:
    """Read backups back in full from where they lie; exit code 5 when one is damaged.

    Example: inv db.verify --env=prod --backup=all
    """
    from slipway.client import backups as client_backups
    from slipway.client.pitr import pgbackrest
    from slipway.client.session import connected
    from slipway.show import backups as show
    from slipway.show.progress import TerminalReporter

    if physical and backup != "latest":
        raise UsageError("--physical reads all of the archive; leave --backup out")
    with connected(env) as session, TerminalReporter() as reporter:
        if physical:
            archive = pgbackrest.verify(session)
            show.show_archive(archive, as_json=json)
            pgbackrest.demand_intact(env, archive)
            return
        proofs = client_backups.verify(session, backup, reporter)
    show.show_proofs(proofs, as_json=json)
    client_backups.demand_intact(proofs)


@command(runbook="backup")
def schedule(env: "Environment") -> None:
    """Schedule backups, restore drills and pruning, as backups/policy.yml says.

    Example: inv db.schedule --env=prod
    """
    from slipway.releases import schedule as schedules
    from slipway.show import output
    from slipway.show.progress import TerminalReporter

    with TerminalReporter() as reporter:
        state = schedules.schedule(env, reporter)
    output.show_scheduled(env, state)


@command(runbook="backup")
def unschedule(env: "Environment") -> None:
    """End the schedule of backups; the backups there are stay.

    Example: inv db.unschedule --env=prod
    """
    from slipway.releases import schedule as schedules
    from slipway.show import writer
    from slipway.show.progress import TerminalReporter

    with TerminalReporter() as reporter:
        was_scheduled = schedules.unschedule(env, reporter)
    writer.say(f"{env.name} is {'no longer' if was_scheduled else 'not'} scheduled")


@command(
    runbook="backup",
    help={
        "env": "Environment to act on; without it, the hacking loop.",
        "plan": "Show what would be removed and what stays, and remove nothing.",
        "yes": "The environment's name, where no prompt is possible.",
        "json": "Print the result as JSON.",
    },
)
def prune(
    *, env: "Environment | None" = None, plan: bool = False, yes: str = "", json: bool = False
) -> None:
    """Remove backups that backups/policy.yml does not keep.

    Example: inv db.prune --env=prod --plan
    """
    from slipway.client.session import connected
    from slipway.releases import backup_status
    from slipway.show import confirm, output, progress

    if env is not None and not plan:
        confirm.by_name(env, "prune", f"remove old backups of {env.name}", yes)
    with connected(env) as session, progress.TerminalReporter() as reporter:
        reply = backup_status.prune(session, reporter, plan=plan)
    output.show_pruned(reply, as_json=json)


@command(
    runbook="restore",
    help={
        "env": "Environment to act on; without it, the hacking loop.",
        "backup": "latest, an id that inv db.backups shows, or a file of this computer.",
        "origin": "Environment whose backup it is, when it is another one's.",
        "to_time": "A moment with its zone, with PITR=on: 2026-11-22 14:03:00+00.",
        "into": "Name of a new database to restore into; the live one stays.",
        "table": "With --into: these tables alone, with commas.",
        "untrusted": "Also one without a trusted signature, or a foreign file; tried alone first.",
        "create_roles": "Make roles that are missing there, without the right to log in.",
        "undo": "Swap back what the last restore has replaced.",
        "plan": "Look at the server and show what would be done; change nothing.",
        "yes": "The environment's name, where no prompt is possible.",
        "json": "Print the result as JSON.",
    },
    choices={"origin": environments},
)
def restore(
    *,
    env: "Environment | None" = None,
    backup: str = "latest",
    origin: str = "",
    to_time: str = "",
    into: str = "",
    table: str = "",
    untrusted: bool = False,
    create_roles: bool = False,
    undo: bool = False,
    plan: bool = False,
    yes: str = "",
    json: bool = False,
) -> None:
    """Restore a backup: proven first, built beside the live database, swapped in; kept to undo.

    Examples:
      inv db.restore --env=staging --plan
      inv db.restore --env=prod --backup=20261122T021500Z-1f3a
      inv db.restore --env=prod --table=people --into=look
      inv db.restore --env=prod --to-time="2026-11-22 14:03:00+00"
      inv db.restore --env=prod --undo
    """
    from slipway.client import restore as client_restore
    from slipway.client.session import connected
    from slipway.show import confirm, progress, restores

    options = client_restore.RestoreOptions(
        backup, origin, table, into, to_time, create_roles, untrusted, plan
    )
    if env is not None and options.replaces:
        what = f"replace what the database of {env.name} holds"
        confirm.by_name(env, "undo" if undo else "restore", what, yes)
    with connected(env) as session, progress.TerminalReporter(lasting=True) as reporter:
        reply = (
            client_restore.undo(session, options, reporter)
            if undo
            else client_restore.restore(session, options, reporter)
        )
    restores.show_restored(reply, as_json=json)


@command(
    runbook="restore-drill",
    help={
        "env": "Environment to act on; without it, the hacking loop.",
        "backup": "latest, or an id that inv db.backups shows.",
        "json": "Print the result as JSON.",
    },
)
def drill(*, env: "Environment | None" = None, backup: str = "latest", json: bool = False) -> None:
    """Prove a backup: restore it into a throw-away database, compare, measure how long it takes.

    Example: inv db.drill --env=prod
    """
    from slipway.client import restore as client_restore
    from slipway.client.session import connected
    from slipway.show import progress, restores

    with connected(env) as session, progress.TerminalReporter(lasting=True) as reporter:
        reply = client_restore.drill(session, backup, reporter)
    restores.show_drilled(reply, as_json=json)
