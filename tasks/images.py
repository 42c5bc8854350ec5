"""Images of others that the project starts from, held to what they were when somebody looked."""

from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment


@command(runbook="bootstrap")
def lock() -> None:
    """Pull the images that the project starts from, and write their digests into a file for git.

    Example: inv images.lock
    """
    from slipway.bootstrap import image_lock
    from slipway.show import progress, writer

    lines = image_lock.refresh(progress.TerminalReporter())
    for line in lines:
        writer.say(line)
    writer.say(
        "try them with a deploy, and commit compose/images.lock" if lines else "all as before"
    )


@command(runbook="bootstrap", help={"json": "Print the holes as JSON."})
def scan(env: "Environment", *, json: bool = False) -> None:
    """Write down what the images of this checkout hold, and name packages with known holes.

    Ends with 5 where there are any, or an image could not be judged.

    Example: inv images.scan --env=dev
    """
    from slipway.releases import image_scan
    from slipway.show import image_scans, progress

    report = image_scan.run(env, progress.TerminalReporter())
    image_scans.show(report, as_json=json)
    image_scans.check(report)
