"""Stacks: handed to the Swarm, scaled, removed; every command is safe to repeat."""

import json
from collections.abc import Mapping, Sequence

from slipway import shell_scripts
from slipway.errors import SlipwayError
from slipway.hosts.host import Host, script

DEPLOY = ["docker", "stack", "deploy", "--detach=true", "--resolve-image=never", "--prune"]
REMOVE = shell_scripts.read(__file__, "stacks_remove.sh")
NETWORKS = shell_scripts.read(__file__, "stacks_networks.sh")


def deploy(manager: Host, name: str, stack: Mapping[str, object]) -> None:
    """Hand a stack file to the Swarm. Raises SlipwayError when it would drop a part of it."""
    argv = [*DEPLOY, "--with-registry-auth", "--compose-file", "-", name]
    result = manager.run(argv, stdin=json.dumps(stack).encode(), timeout=60)
    for line in result.err.splitlines():
        if "gnoring" in line or "nsupported" in line:
            raise SlipwayError(f"the Swarm would drop a part of {name}: {line.strip()}")


def remove(manager: Host, name: str) -> None:
    """Remove a stack and wait until its services are gone; none is fine."""
    script(manager, REMOVE, name, timeout=60)


def ensure_networks(manager: Host, app: str, networks: Mapping[str, Sequence[str]]) -> None:
    """Make the overlay networks that are not there yet, each with its options."""
    for name, options in networks.items():
        script(manager, NETWORKS, app, name, *options, timeout=60)
