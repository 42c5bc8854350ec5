"""The ports of the hacking loop: that nobody else holds them, before anything is built."""

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.environments.loop_owner import PROJECT
from slipway.errors import Refused
from slipway.hosts import docker_client
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script
from slipway.hosts.local import LocalHost
from slipway.releases import preflight

EDGE = 8080  # the port of the loop's edge inside its container, which HACKING_PORT opens


def check(model: Mapping[str, Any], host: Host | None = None) -> None:
    """Raise Refused for a port that something else than this loop holds, and say what to type."""
    host = host or LocalHost()
    published = {port: where for where, port in _published(model)}
    if not published:
        return
    loop = f"label={PROJECT}={model.get('name', '')}"
    own = ["docker", "ps", "--filter", loop, "--format", "{{.Ports}}"]
    lines = host.run(own, timeout=20).out
    free = [port for port in sorted(published) if f":{port}->" not in lines]
    if not free:
        return
    place = "elsewhere" if docker_client.look().endpoint else "here"
    words = [str(port) for port in free]
    out = script(host, preflight.LOOK, "no other", place, *words, timeout=30).out
    with reading(host.name, "its ports"):
        taken = preflight.parse(out).taken
    for text, holder in taken:
        port = int(text)
        service, target = published[port]
        advice = f"HACKING_PORT={port + 1} inv up"
        if target != EDGE:
            advice = f"another port under services.{service}.ports of compose.override.yml"
        raise Refused(
            f"port {port} of this computer, which services.{service} opens in the hacking loop, is "
            f"taken by {holder}; stop that, or choose another: {advice}. Nothing was built"
        )


def _published(model: Mapping[str, Any]) -> Iterator[tuple[tuple[str, int], int]]:
    for name, spec in (model.get("services") or {}).items():
        for port in () if spec.get("profiles") else spec.get("ports") or []:
            if str(port.get("published") or "").isdecimal() and port.get("protocol") != "udp":
                yield (name, int(port.get("target") or 0)), int(port["published"])
