"""Images of others that the project starts from, held to what they were when somebody looked."""

from tasks.command import command


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
