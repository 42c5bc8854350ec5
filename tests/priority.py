"""What is tested comes first: containers before the tests that wait for them."""

import os

BEHIND = 5  # by how much a test's processes are nicer than those in containers


def give_way() -> None:
    """Lower the priority of this process and of all that it starts.

    To the kernel all containers together are one; beside a handful of test processes of the same
    priority they get little, and what a Swarm's managers miss first is a heartbeat.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(BEHIND, os.getpriority(os.PRIO_PROCESS, 0)))
