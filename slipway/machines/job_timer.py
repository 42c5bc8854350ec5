"""What starts jobs at their times: a small script on every machine, of which managers do the work.

Kept like the firewall: by systemd where that runs, else as a process that the machine's start
begins again.
"""

from collections.abc import Sequence

from slipway import shell_scripts
from slipway.hosts import parallel
from slipway.hosts.host import Host
from slipway.hosts.sudo import as_root

TIMER = shell_scripts.read(__file__, "job_timer.sh")
INSTALL = shell_scripts.read(__file__, "job_timer_install.sh")
REMOVE = shell_scripts.read(__file__, "job_timer_remove.sh")


def ensure(hosts: Sequence[Host]) -> list[str]:
    """Have the timer run on machines, as it is now; return a line for each change.

    Raises Refused where we cannot become root.
    """

    def one(host: Host) -> list[str]:
        out = as_root(host, INSTALL, stdin=TIMER.encode()).out
        return [f"{host.name}: {line}" for line in out.splitlines()]

    return [line for lines in parallel.each(hosts, one) for line in lines]


def remove(host: Host) -> None:
    """Take the timer away from a machine."""
    as_root(host, REMOVE)
