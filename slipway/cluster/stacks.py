"""Stacks: handed to the Swarm, scaled, removed; every command is safe to repeat."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from slipway import shell_scripts
from slipway.errors import CommandFailed, SlipwayError
from slipway.hosts import registry_logins
from slipway.hosts.host import CommandResult, Host, script

DEPLOY = ["docker", "stack", "deploy", "--detach=true", "--resolve-image=never", "--prune"]
# Of a stack just removed, an engine shows the networks until its last containers have ended, and
# `docker stack deploy` takes them for there.
GONE = re.compile(r"network \S+ not found")
LINGERING = 60.0
REMOVE = shell_scripts.read(__file__, "stacks_remove.sh")
NETWORKS = shell_scripts.read(__file__, "stacks_networks.sh")


def deploy(manager: Host, name: str, stack: Mapping[str, Any]) -> None:
    """Hand a stack file to the Swarm. Raises SlipwayError when it would drop a part of it."""
    argv = [*DEPLOY, "--compose-file", "-", name]
    if any("@" in spec["image"] for spec in stack["services"].values()):
        argv[-1:-1] = ["--with-registry-auth"]  # it fails where docker's own sign-in does
    stdin = json.dumps(stack).encode()
    result = _hand_over(manager, argv, stdin)
    if dropped := _dropped(result.err):
        raise SlipwayError(f"the Swarm would drop a part of {name}: {dropped}")


def _hand_over(manager: Host, argv: list[str], stdin: bytes) -> CommandResult:
    """Run it, and again as long as it fails for a network of a stack of that name just removed."""
    deadline = time.monotonic() + LINGERING
    while True:
        try:
            return registry_logins.run(manager, argv, stdin=stdin, timeout=60)
        except CommandFailed as error:
            if not GONE.search(error.stderr) or time.monotonic() > deadline:
                raise
        time.sleep(1)


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
