"""The lock of images written anew: what the stack's images are in their registries today."""

from pathlib import Path

from slipway.bootstrap import stack_images
from slipway.hosts.host import Host
from slipway.hosts.local import LocalHost
from slipway.images import lockfile
from slipway.progress import Reporter
from slipway.project import COMPOSE


def refresh(reporter: Reporter, compose: Path = COMPOSE, host: Host | None = None) -> list[str]:
    """Write down what the stack's images are in their registries today; say what has changed.

    Raises Refused, and changes nothing, where one cannot be had.
    """
    names = stack_images.read(compose).names
    today = lockfile.look_up(host or LocalHost(), names, reporter)
    lines = lockfile.changes(lockfile.read(compose), today)
    lockfile.write(compose, today)
    return lines
