"""The credential helper by which docker signs in to a registry, looked for before it is needed."""

import json

from slipway.errors import UNREADABLE, Refused
from slipway.hosts.host import Host, script

CONFIG = 'cat "${DOCKER_CONFIG:-${HOME:-}/.docker}/config.json" 2>/dev/null || true'
FIND = 'command -v "docker-credential-$1" || true'
HUB = "https://index.docker.io/v1/"


def check(host: Host, registry: str) -> None:
    """Raise Refused when docker's configuration names a helper that the host does not have."""
    place = registry.partition("/")[0]
    name = helper(script(host, CONFIG, timeout=20).out, HUB if place == "docker.io" else place)
    if name and not script(host, FIND, name, timeout=20).out.strip():
        raise Refused(
            f"{host.name}: docker's config.json names the credential helper {name} for {place}, "
            f"and there is no program docker-credential-{name}; install it, or remove it from "
            f"credsStore and credHelpers there and type: docker login {place}. Nothing was changed"
        )


def helper(text: str, registry: str) -> str:
    """Return which helper a config.json names for a registry, nothing for none."""
    try:
        config = json.loads(text or "{}")
        helpers = config.get("credHelpers") or {}
        return str(helpers.get(registry) or config.get("credsStore") or "")
    except UNREADABLE:
        return ""  # docker says so itself, and works without
