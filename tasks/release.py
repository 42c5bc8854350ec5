"""One release: shown, compared with another, kept from pruning; the page of its deploy."""

from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment


@command(
    runbook="rollback",
    help={
        "release": "Number of the release; the one that serves by default.",
        "json": "Print it as JSON, with the whole definition of each service.",
    },
)
def show(env: "Environment", *, release: int = 0, json: bool = False) -> None:
    """Show a release: what it changed, its images and secrets by name, what became of it.

    Example: inv release.show --env=prod --release=41
    """
    from slipway.releases import register
    from slipway.show import releases as shown

    with register.opened(env) as records:
        shown.show_release(records.show(release), as_json=json)


@command(
    runbook="rollback",
    help={
        "from_": "Number of the older release; by default the one that served before the other.",
        "to": "Number of the newer release; the one that serves by default.",
        "json": "Print it as JSON.",
    },
)
def diff(env: "Environment", *, from_: int = 0, to: int = 0, json: bool = False) -> None:
    """Compare two releases: services, settings, secrets by name, routes, migrations, commits.

    Examples:
      inv release.diff --env=prod
      inv release.diff --env=prod --from=38 --to=41
    """
    from slipway.releases import register
    from slipway.show import releases as show

    with register.opened(env) as records:
        show.show_difference(records.compare(from_, to), as_json=json)


@command(
    runbook="deploy",
    help={
        "release": "Number of the release that was deployed; the newest deploy by default.",
        "output": "The file to write; deploy-ENV-RELEASE.html by default.",
    },
)
def report(env: "Environment", *, release: int = 0, output: str = "") -> None:
    """Write one HTML page of a deploy: its steps in time, requests around the cutover, changes.

    Deploys are logged on the computer that makes them.

    Example: inv release.report --env=prod --output=deploy.html
    """
    from pathlib import Path

    from slipway import whole_file
    from slipway.releases import deploy_log, deploy_page
    from slipway.show import writer

    deploy = deploy_log.read(deploy_log.find(env.name, release))
    path = Path(output or f"deploy-{env.name}-{deploy.facts.get('release')}.html")
    whole_file.write(path, deploy_page.make(deploy))
    writer.say(f"written to {path}")


@command(
    runbook="rollback",
    help={
        "release": "Number of the release to keep.",
        "reason": "Why, for whoever finds it held.",
        "off": "Let it be pruned again.",
    },
)
def hold(env: "Environment", *, release: int = 0, reason: str = "", off: bool = False) -> None:
    """Keep a release ready for a rollback, however many follow it.

    Examples:
      inv release.hold --env=prod --release=41 --reason="last one before the new checkout"
      inv release.hold --env=prod --release=41 --off
    """
    from slipway.cluster import lease
    from slipway.errors import UsageError
    from slipway.releases import register
    from slipway.show import writer

    if not release:
        raise UsageError("--release is required: the number of the release to keep")
    if not off and not reason:
        raise UsageError("--reason is required: whoever finds it held has to know why")
    with register.opened(env) as records:
        text = records.release(release) if off else records.hold(release, reason, lease.owner())
    writer.say(text)
