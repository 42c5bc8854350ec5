"""Deploy a release, return to an earlier one, see what serves and what served."""

from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment
    from slipway.progress import Reporter
    from slipway.releases.deploy import DeployOptions
    from slipway.releases.deployment import Deployment

SKIP = "Continue without unreachable machines; they catch up when they are back."
TIMINGS = "Show at the end what each step took: seconds, round trips, bytes sent."


@command(
    runbook="deploy",
    help={
        "plan": "Show what would be done, and change nothing.",
        "dirty": "Deploy the tree as it is, with what is not committed.",
        "skip_unreachable": SKIP,
        "wait": "How long to wait for another deploy to end: 90s, 10m, 1h.",
        "canary": "Have so many per cent of the visitors meet the release first: 1 to 50.",
        "canary_by": "What keeps clients in it: cookie (the default), or also their address.",
        "older_secrets": "Take former values of secrets too, as after a revert.",
        "hold": "How long, before all of them follow: 90s, 5m (the default), 1h.",
        "promote": "Have all visitors follow the canary that runs now.",
        "abort": "Take the canary that runs back now.",
        "yes": "The environment's name; production asks for it where something would change.",
        "timings": TIMINGS,
        "json": "Print the result as JSON, and to stderr a line of JSON for each event.",
    },
    docker=False,  # it reports more, of builds too
)
def deploy(
    env: "Environment",
    *,
    plan: bool = False,
    dirty: bool = False,
    skip_unreachable: bool = False,
    wait: str = "",
    canary: str = "",
    canary_by: str = "",
    hold: str = "",
    older_secrets: bool = False,
    promote: bool = False,
    abort: bool = False,
    yes: str = "",
    timings: bool = False,
    json: bool = False,
) -> None:
    """Bring this checkout into service, blue/green, without a failed request.

    Examples:
      inv deploy --env=dev
      inv deploy --env=prod --plan
      inv deploy --env=prod --yes=prod --wait=10m
      inv deploy --env=prod --canary=10 --hold=5m
      inv deploy --env=prod --promote
    """
    from slipway import durations
    from slipway.errors import UsageError
    from slipway.hosts import docker_client
    from slipway.releases import canary_options
    from slipway.releases import deploy as releases
    from slipway.show import confirm, output
    from slipway.show import releases as show

    if promote or abort:
        others = canary or canary_by or hold or plan
        _decide(env, promote=promote, abort=abort, is_alone=not others)
        return
    share = canary_options.read(canary, hold, canary_by)
    patience = durations.seconds(wait)
    if wait and not patience:
        raise UsageError(f"--wait={wait} is no length of time; write 90s, 10m or 1h")
    options = releases.DeployOptions(dirty, skip_unreachable, patience, share, older_secrets)
    if plan:
        _preview(env, options, as_json=json)
        return
    reporter = _reporter(as_json=json)
    if env.is_local:
        from slipway.bootstrap import prepare

        prepare.prepare(reporter)
    else:
        docker_client.report_settings(reporter)

    def approve(deployment: "Deployment") -> None:
        """Show what would change, and ask, where the environment is one with users."""
        if confirm.is_asked(env, "deploy", yes):
            show.show_question(deployment)
        confirm.by_name(env, "deploy", f"deploy {deployment.release.label} to {env.name}", yes)

    report = releases.deploy(env, reporter, options, approve)
    if timings and not json:
        output.show_timings(report)
    output.show_report(env, report, as_json=json)


@command(
    runbook="deploy",
    help={
        "dirty": "Plan the tree as it is, with what is not committed.",
        "skip_unreachable": SKIP,
        "json": "Print it as JSON.",
    },
    docker=False,
)
def plan(
    env: "Environment", *, dirty: bool = False, skip_unreachable: bool = False, json: bool = False
) -> None:
    """Show what a deploy would change, and end with 5 when it would change something.

    Examples:
      inv plan --env=prod
      inv plan --env=prod --json
    """
    from invoke.exceptions import Exit

    from slipway.errors import DifferenceFound
    from slipway.releases.deploy import DeployOptions

    options = DeployOptions(dirty, skip_unreachable)
    if _preview(env, options, as_json=json):
        raise Exit(code=DifferenceFound.exit_code)


def _reporter(*, as_json: bool) -> "Reporter":
    """Return who is told how far it is: a person, or a program that reads events."""
    from slipway.show import json_events, progress

    return json_events.JsonReporter() if as_json else progress.TerminalReporter()


def _decide(env: "Environment", *, promote: bool, abort: bool, is_alone: bool) -> None:
    """Decide about the canary that runs."""
    from slipway.errors import UsageError
    from slipway.releases import canary_decision
    from slipway.show import writer

    if (promote and abort) or not is_alone:
        raise UsageError("--promote and --abort each stand alone: they are about what runs now")
    writer.say(canary_decision.decide(env, "promote" if promote else "abort"))


def _preview(env: "Environment", options: "DeployOptions", *, as_json: bool) -> bool:
    """Show what a deploy would do; say whether that changes something."""
    from slipway.bootstrap import prepare
    from slipway.hosts import docker_client
    from slipway.releases import preview
    from slipway.show import plans, progress, releases, writer

    docker_client.report_settings(progress.TerminalReporter())
    first = prepare.plan() if env.is_local and not prepare.is_prepared() else None
    if first and not as_json:
        writer.say("first, this computer is prepared, as inv bootstrap does:")
        plans.preview(first)
    plan = preview.read(env, options)
    releases.show_preview(env, plan, first, as_json=as_json)
    return plan.changes_something


@command(
    runbook="rollback",
    help={
        "release": "Number of the release to return to; the one before by default.",
        "plan": "Show what would be done, and change nothing.",
        "skip_unreachable": SKIP,
        "timings": TIMINGS,
        "json": "Print the result as JSON, and to stderr a line of JSON for each event.",
    },
)
def rollback(
    env: "Environment",
    *,
    release: int = 0,
    plan: bool = False,
    skip_unreachable: bool = False,
    timings: bool = False,
    json: bool = False,
) -> None:
    """Return to an earlier release: its images, settings and secrets.

    Examples:
      inv rollback --env=prod --plan
      inv rollback --env=prod
      inv rollback --env=prod --release=41
    """
    from slipway.releases import deploy as releases
    from slipway.releases import preview
    from slipway.show import output
    from slipway.show import releases as show

    if plan:
        planned = preview.read_rollback(env, release or None, lenient=skip_unreachable)
        show.show_preview(env, planned, as_json=json)
        return
    reporter = _reporter(as_json=json)
    report = releases.rollback(env, reporter, release or None, lenient=skip_unreachable)
    if timings and not json:
        output.show_timings(report)
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
    from slipway.show import status as display

    report = statuses.read(env)
    display.show(report, as_json=json)
    if check:
        statuses.check(report)


@command(runbook="rollback", help={"json": "Print them as JSON."})
def releases(env: "Environment", *, json: bool = False) -> None:
    """List the releases: when, by whom, of which commit, what each changed, how it ended.

    Example: inv releases --env=prod
    """
    from slipway.releases import register
    from slipway.show import releases as show

    with register.opened(env) as records:
        show.show_list(records.rows(), as_json=json)


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
    runbook="disk-full",
    help={
        "plan": "Show what would be removed, and remove nothing.",
        "json": "With --plan: print it as JSON.",
    },
)
def prune(env: "Environment", *, plan: bool = False, json: bool = False) -> None:
    """Remove images, records, secrets and builds' cache that no kept release needs.

    Each deploy removes what its own releases left; this also finds images of other names.

    Examples:
      inv prune --env=prod --plan
      inv prune --env=prod
    """
    from slipway.errors import UsageError
    from slipway.releases import unused_images
    from slipway.show import progress, releases

    if json and not plan:
        raise UsageError("--json is about --plan, which is not there")
    if plan:
        steps, there = unused_images.plan(env)
        releases.show_prune(steps, there, as_json=json)
    else:
        unused_images.run(env, progress.TerminalReporter())


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
        confirm.by_name(env, "destroy", f"remove {env.prefix} with its database", yes)
    with connect.connected(env) as cluster:
        steps = removal.plan(env, cluster)
        plans.preview(steps) if plan else plans.follow(steps)
