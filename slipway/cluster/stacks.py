"""Stacks: handed to the Swarm, scaled, removed; every command is safe to repeat."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slipway import shell_scripts
from slipway.errors import SlipwayError
from slipway.hosts import registry_logins
from slipway.hosts.host import Host, script

DEPLOY = ["docker", "stack", "deploy", "--detach=true", "--resolve-image=never", "--prune"]
REMOVE = shell_scripts.read(__file__, "stacks_remove.sh")
NETWORKS = shell_scripts.read(__file__, "stacks_networks.sh")


def deploy(manager: Host, name: str, stack: Mapping[str, Any]) -> None:
    """Hand a stack file to the Swarm. Raises SlipwayError when it would drop a part of it."""
    argv = [*DEPLOY, "--compose-file", "-", name]
    if any("@" in spec["image"] for spec in stack["services"].values()):
        argv[-1:-1] = ["--with-registry-auth"]  # it fails where docker's own sign-in does
    stdin = json.dumps(stack).encode()
    result = registry_logins.run(manager, argv, stdin=stdin, timeout=60)
    if dropped := _dropped(result.err):
        raise SlipwayError(f"the Swarm would drop a part of {name}: {dropped}")


def trial(manager: Host, stack: Mapping[str, Any]) -> str:
    """Let docker read a stack file without doing anything; return what it has against it."""
    argv = ["docker", "stack", "config", "--compose-file", "-"]
    result = manager.run(argv, stdin=json.dumps(stack).encode(), timeout=60, check=False)
    return _dropped(result.err) if result.code == 0 else result.err.strip()


def _dropped(text: str) -> str:
    """Find what docker would leave out, in what it says; its other warnings are no reason."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line.startswith(("Ignoring ", "ignoring "))), "")


def remove(manager: Host, name: str) -> None:
    """Remove a stack and wait until its services are gone; none is fine."""
    script(manager, REMOVE, name, timeout=60)


def ensure_networks(manager: Host, app: str, networks: Mapping[str, Sequence[str]]) -> None:
    """Make the overlay networks that are not there yet, each with its options."""
    for name, options in networks.items():
        script(manager, NETWORKS, app, name, *options, timeout=60)
