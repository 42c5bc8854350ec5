"""One backup of all that an environment keeps."""

from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment


@command(
    runbook="backup",
    help={
        "plan": "Check what it needs and show its steps; store nothing.",
        "json": "Print the result as JSON.",
    },
)
def backup(env: "Environment", *, plan: bool = False, json: bool = False) -> None:
    """Back up the database and the files under one id: one point in time to return to.

    Examples:
      inv backup --env=prod
      inv backup --env=prod --plan
    """
    from slipway.releases import whole_backup
    from slipway.show import files as show
    from slipway.show.progress import TerminalReporter

    with TerminalReporter(lasting=True, quiet=True) as reporter:
        taken = whole_backup.take(env, reporter, plan=plan)
    show.show_whole(env, taken, as_json=json)
