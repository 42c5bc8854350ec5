"""Files that services keep in volumes: imported, backed up, proven, restored, pruned."""

from typing import TYPE_CHECKING

from slipway.errors import UsageError

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment


@command(
    runbook="files",
    help={
        "plan": "Name the volumes and the place, and store nothing.",
        "json": "Print the result as JSON.",
    },
)
def backup(env: "Environment", *, plan: bool = False, json: bool = False) -> None:
    """Back up the volumes labelled slipway.backup: files; only what is new is sent.

    Examples:
      inv files.backup --env=prod
      inv files.backup --env=prod --plan
    """
    from slipway.releases import file_backups
    from slipway.show import files as show
    from slipway.show.progress import TerminalReporter

    with TerminalReporter(lasting=True) as reporter:
        reply = file_backups.take(env, reporter, plan=plan)
    show.show_done(reply, as_json=json)


@command(runbook="files", help={"json": "Print it as JSON."})
def backups(env: "Environment", *, json: bool = False) -> None:
    """List the backups of files: when, of which volumes, how many files, how large.

    Example: inv files.backups --env=prod
    """
    from slipway.releases import file_backups
    from slipway.show import files as show
    from slipway.show.progress import TerminalReporter

    with TerminalReporter() as reporter:
        reply = file_backups.read_list(env, reporter)
    show.show_list(env, reply, as_json=json)


@command(runbook="files", help={"json": "Print the result as JSON."})
def verify(env: "Environment", *, json: bool = False) -> None:
    """Read all that is stored of files and hold it against its sums; exit code 5 when damaged.

    Example: inv files.verify --env=prod
    """
    from slipway.releases import file_backups
    from slipway.show import files as show
    from slipway.show.progress import TerminalReporter

    with TerminalReporter() as reporter:
        reply = file_backups.verify(env, reporter)
    show.show_done(reply, as_json=json)


@command(
    runbook="files",
    help={
        "backup": "latest, or an id that inv files.backups shows.",
        "json": "Print the result as JSON.",
    },
)
def drill(env: "Environment", *, backup: str = "latest", json: bool = False) -> None:
    """Prove a backup of files: restore it where it is thrown away, compare each file.

    Example: inv files.drill --env=prod
    """
    from slipway.releases import file_backups
    from slipway.show import files as show
    from slipway.show.progress import TerminalReporter

    with TerminalReporter() as reporter:
        reply = file_backups.drill(env, backup, reporter)
    show.show_done(reply, as_json=json)


@command(
    runbook="files",
    help={
        "backup": "latest, or an id that inv files.backups shows.",
        "volume": "Only these volumes, with commas.",
        "undo": "Swap back what the last restore or import has replaced.",
        "plan": "Look and show what would be done; change nothing.",
        "yes": "The environment's name, where no prompt is possible.",
        "json": "Print the result as JSON.",
    },
)
def restore(
    env: "Environment",
    *,
    backup: str = "latest",
    volume: str = "",
    undo: bool = False,
    plan: bool = False,
    yes: str = "",
    json: bool = False,
) -> None:
    """Restore files beside those that are there, compare them, swap them in; kept to undo.

    Examples:
      inv files.restore --env=prod --plan
      inv files.restore --env=prod --backup=20261122T021500Z-1f3a
      inv files.restore --env=prod --undo
    """
    from slipway.releases import file_restores
    from slipway.show import confirm, progress
    from slipway.show import files as show

    if undo and backup != "latest":
        raise UsageError("--undo swaps back what was there before; leave --backup out")
    if not plan:
        what = f"replace the files of {env.name}"
        confirm.by_name(env, "undo" if undo else "restore", what, yes)
    chosen = [name for name in volume.split(",") if name]
    with progress.TerminalReporter(lasting=True) as reporter:
        reply = (
            file_restores.undo(env, chosen, reporter, plan=plan)
            if undo
            else file_restores.restore(env, backup, chosen, reporter, plan=plan)
        )
    show.show_done(reply, as_json=json)


@command(
    name="import",
    runbook="files",
    help={
        "from_": "A folder, a tar (also .gz, .zst), volume:NAME of this computer, - for a pipe.",
        "volume": "The volume that they come into, where there are several.",
        "below": "Take only what is in this folder of the source.",
        "owner": "UID:GID that they get, or source; otherwise whoever the service runs as.",
        "plan": "Count what would come, and change nothing.",
        "yes": "The environment's name, where no prompt is possible.",
        "json": "Print the result as JSON.",
    },
)
def take_over(
    env: "Environment",
    *,
    from_: str,
    volume: str = "",
    below: str = "",
    owner: str = "",
    plan: bool = False,
    yes: str = "",
    json: bool = False,
) -> None:
    """Put files from elsewhere in the place of those in a volume; kept to undo, as in a restore.

    Examples:
      inv files.import --env=prod --from=../old/uploads --plan
      inv files.import --env=staging --volume=uploads --from=uploads.tar.gz
      ssh old tar -C /srv/uploads -c . | inv files.import --env=prod --from=- --yes=prod
    """
    from slipway.releases import file_imports
    from slipway.releases.file_sources import Source
    from slipway.show import confirm, progress
    from slipway.show import files as show

    source = Source(from_, below)
    if plan and source.is_read_once:
        raise UsageError("a pipe is read only once: leave --plan out, or put it into a file first")
    if not plan:
        confirm.by_name(env, "restore", f"replace the files of {env.name}", yes)
    with progress.TerminalReporter(lasting=True) as reporter:
        reply = file_imports.import_files(env, source, volume, reporter, owners=owner, plan=plan)
    show.show_done(reply, as_json=json)


@command(
    runbook="files",
    help={
        "plan": "Show what would be removed and what stays, and remove nothing.",
        "yes": "The environment's name, where no prompt is possible.",
        "json": "Print the result as JSON.",
    },
)
def prune(env: "Environment", *, plan: bool = False, yes: str = "", json: bool = False) -> None:
    """Remove backups of files that backups/policy.yml does not keep, and what restores replaced.

    Example: inv files.prune --env=prod --plan
    """
    from slipway.releases import file_backups
    from slipway.show import confirm, progress
    from slipway.show import files as show

    if not plan:
        confirm.by_name(env, "prune", f"remove old backups of the files of {env.name}", yes)
    with progress.TerminalReporter() as reporter:
        reply = file_backups.prune(env, reporter, plan=plan)
    show.show_pruned(reply, as_json=json)
