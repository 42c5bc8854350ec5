"""What starts jobs at their times: a small script on every machine, of which managers do the work.

It is kept running like the firewall, on the machines of a Swarm that has such jobs.
"""

import hashlib
from collections.abc import Sequence

from slipway import shell_scripts
from slipway.hosts import parallel
from slipway.hosts.host import CommandResult, Host, script
from slipway.hosts.sudo import as_root

LABEL = "slipway.job"  # of the configs in which the timer finds the jobs of an environment
USES = (LABEL, "slipway.warm")
NEEDED = 'for label; do docker config ls --quiet --filter "label=$label"; done'
FILE = "/etc/slipway/job-timer"
KEEPER = shell_scripts.read(__file__, "keeper.sh")
TIMER = shell_scripts.read(__file__, "job_timer.sh")
UNIT = shell_scripts.read(__file__, "slipway-jobs.service")
INSTALL = KEEPER + shell_scripts.read(__file__, "job_timer_install.sh")
SUMS = [hashlib.sha256(text.encode()).hexdigest() for text in (TIMER, UNIT)]
LOOK = KEEPER + shell_scripts.read(__file__, "job_timer_look.sh")
REMOVE = KEEPER + f"stop_keeping slipway-jobs {FILE}"


def settle(manager: Host, hosts: Sequence[Host]) -> list[str]:
    """Have the timer run on machines where their Swarm has something for it, and nowhere else;
    return a line for each change.

    Raises Refused where we cannot become root.
    """
    if script(manager, NEEDED, *USES, timeout=20).out.strip():
        return ensure(hosts)
    parallel.each(hosts, remove)
    return []


def ensure(hosts: Sequence[Host]) -> list[str]:
    """Have the timer run on machines, as it is now; return a line for each change.

    Raises Refused where we cannot become root.
    """

    def one(host: Host) -> list[str]:
        out = as_root(host, INSTALL, UNIT, stdin=TIMER.encode()).out
        return [f"{host.name}: {line}" for line in out.splitlines()]

    return [line for lines in parallel.each(hosts, one) for line in lines]


def is_running(host: Host) -> bool:
    """Whether the timer runs on a machine as it is now. Raises Refused where we are not root."""
    return runs(as_root(host, LOOK, *SUMS))


def look() -> list[str]:
    """Return the command that sees whether it runs, as far as whoever logs in there can see."""
    return ["sh", "-euc", LOOK, "sh", *SUMS]


def runs(result: CommandResult) -> bool:
    """Whether that was seen."""
    return result.out.strip() == "runs"


def remove(host: Host) -> None:
    """Take the timer away from a machine."""
    as_root(host, REMOVE)
