"""Make this computer ready; the other tasks do so by themselves when they need it."""

from .command import command


@command(
    runbook="bootstrap",
    help={"plan": "Show what would be checked and installed, and change nothing."},
)
def bootstrap(*, plan: bool = False) -> None:
    """Check and install what dev needs: engine, sops, dev's secrets, base images.

    Example: inv bootstrap
    """
    from slipway.bootstrap import prepare
    from slipway.show import plans, progress

    if plan:
        plans.preview(prepare.plan())
    else:
        prepare.prepare(progress.TerminalReporter(), thorough=True)
