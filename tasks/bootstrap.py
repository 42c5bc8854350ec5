"""Make this computer ready; the other tasks do so by themselves when they need it."""

from slipway.bootstrap import prepare
from slipway.show import progress
from tasks.command import command


@command(help={"plan": "Say what would be checked and installed, and change nothing."})
def bootstrap(*, plan: bool = False) -> None:
    """Check and install what dev needs: engine, sops, dev's secrets, base images.

    Example: inv bootstrap
    """
    if plan:
        progress.show(prepare.plan())
        return
    prepare.prepare(progress.Progress())
