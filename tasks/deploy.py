"""Deploy a release, return to an earlier one, see what serves."""

from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment

SKIP = "Continue without unreachable machines; they catch up when they are back."


@command(
    runbook="deploy",
    help={
        "plan": "Show what would be done, and change nothing.",
        "dirty": "Deploy the tree as it is, with what is not committed.",
        "skip_unreachable": SKIP,
        "json": "Print the result as JSON.",
    },
    docker=False,  # it reports more, of builds too
)
def deploy(
    env: "Environment",
    *,
    plan: bool = False,
    dirty: bool = False,
    skip_unreachable: bool = False,
    json: bool = False,
) -> None:
    """Bring this checkout into service, blue/green, without a failed request.

    Examples:
      inv deploy --env=dev
      inv deploy --env=prod --plan
    """
    from slipway.bootstrap import prepare
    from slipway.releases import deploy as releases
    from slipway.show import output, plans, progress, writer

    reporter = progress.TerminalReporter()
    if plan or not env.is_local:
        prepare.heed_docker_client(reporter)
    if plan:
        first = prepare.plan() if env.is_local and not prepare.is_prepared() else None
        if first and not json:
            writer.say("first, this computer is prepared, as inv bootstrap does:")
            plans.preview(first)
        preview = releases.preview(env, dirty=dirty, lenient=skip_unreachable)
        output.show_preview(env, preview, first, as_json=json)
        return
    if env.is_local:
        prepare.prepare(reporter)
    report = releases.deploy(env, reporter, dirty=dirty, lenient=skip_unreachable)
    output.show_report(env, report, as_json=json)


@command(
    runbook="rollback",
    help={
        "release": "Number of the release to return to; the one before by default.",
        "skip_unreachable": SKIP,
        "json": "Print the result as JSON.",
    },
)
def rollback(
    env: "Environment", *, release: int = 0, skip_unreachable: bool = False, json: bool = False
) -> None:
    """Return to an earlier release: its images, settings and secrets.

    Example:
      inv rollback --env=prod
    """
    from slipway.releases import deploy as releases
    from slipway.show import output, progress

    reporter = progress.TerminalReporter()
    report = releases.rollback(env, reporter, release or None, lenient=skip_unreachable)
    output.show_report(env, report, as_json=json)


@command(
    runbook="host-lost",
    help={
        "check": "Exit with 5 unless a release serves and nothing is wrong.",
        "json": "Print it as JSON.",
    },
)
def status(env: "Environment", *, check: bool = False, json: bool = False) -> None:
    """Show machines, colour, release and the health of each service.

    Examples:
      inv status --env=prod
      inv status --env=prod --check
    """
    from slipway.releases import status as statuses
    from slipway.show import output

    report = statuses.read(env)
    output.show_status(report, as_json=json)
    if check:
        statuses.check(report)


@command(runbook="deploy")
def verify(env: "Environment") -> None:
    """Run the black-box tests, as a service, against what serves.

    Example: inv verify --env=testing
    """
    from slipway.releases import verify as tests
    from slipway.show import progress, writer

    for line in tests.verify(env, progress.TerminalReporter()):
        writer.say(line)


@command(
    runbook="destroy",
    help={
        "plan": "Show what would be removed, and remove nothing.",
        "yes": "The environment's name, where no prompt is possible.",
    },
)
def destroy(env: "Environment", *, plan: bool = False, yes: str = "") -> None:
    """Remove an environment completely: services, database, secrets, records. Machines stay.

    Examples:
      inv destroy --env=testing
      inv destroy --env=staging --yes=staging
    """
    from slipway.machines import connect
    from slipway.releases import destroy as removal
    from slipway.show import confirm, plans

    if not plan:
        confirm.destruction(env, "destroy", f"remove {env.prefix} with its database", yes)
    with connect.connected(env) as cluster:
        steps = removal.plan(env, cluster)
        plans.preview(steps) if plan else plans.follow(steps)
