"""For how long the old colour is kept warm: what is set, or as long as every machine has room."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from slipway.cluster.node import Node
from slipway.environments.environment import Environment
from slipway.releases import mounts, warm
from slipway.releases.application import Service
from slipway.releases.release import Release

SETTING = "KEEP_WARM"
USUAL = 10  # minutes
SHARE = 4  # what stays may take one part in so many of each machine's memory


@dataclass(frozen=True)
class WarmTime:
    """Minutes for which a colour is kept warm; where it is not by itself, why."""

    minutes: int
    reason: str = ""


def decide(env: Environment, nodes: Sequence[Node], release: Release) -> WarmTime:
    """Decide for how long this release's colour is kept once another one serves.

    On this computer nothing is: nobody would end it.
    """
    if env.is_local:
        return WarmTime(0)
    if text := env.settings.get(SETTING):
        return WarmTime(int(text))
    left = warm.stopped(release)
    services = [each for each in release.of("colour") if each.name not in left]
    if unlimited := [each.name for each in services if not _memory(each)]:
        return WarmTime(0, f"{unlimited[0]} has no limit of memory")
    machines = [node for node in nodes if node.takes_work]
    if not machines:
        return WarmTime(0, "no machine takes work")
    need = sum(_on_each(service, len(machines)) for service in services)
    least = min(machines, key=lambda node: node.memory)
    if need * SHARE > least.memory:
        sizes = f"{need >> 20} MB of {least.memory >> 20}"
        return WarmTime(0, f"{least.name} has too little memory: it would take {sizes}")
    return WarmTime(USUAL)


def _on_each(service: Service, machines: int) -> int:
    """Return the bytes that a service takes at most where the Swarm has spread it."""
    deploy = service.spec.get("deploy") or {}
    if deploy.get("mode") == "global":
        return _memory(service)
    return _memory(service) * math.ceil(int(deploy.get("replicas", 1)) / machines)


def _memory(service: Service) -> int:
    """Return what a container may take, else what is set aside for it; 0 where that is unknown."""
    resources = (service.spec.get("deploy") or {}).get("resources") or {}
    texts = ((resources.get(part) or {}).get("memory") for part in ("limits", "reservations"))
    return next((mounts.size(str(text)) or 0 for text in texts if text), 0)
