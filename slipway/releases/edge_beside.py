"""The edge once more on every machine, started beside the one that serves."""

import copy

from slipway.edge.edges import BESIDE
from slipway.environments.environment import Environment
from slipway.releases import stack
from slipway.releases.release import Release


def describe(
    env: Environment, release: Release, described: stack.Stack, *, takes_over: bool
) -> stack.Stack:
    """Return the edge once more on every machine, as the stack `described` has it.

    Where it `takes_over` it has what the edge has, but for its ports, which the engine chooses.
    Else it has neither ports nor volumes nor networks: it starts as the edge would, and neither
    serves anybody nor asks for a certificate.
    """
    spec = copy.deepcopy(next(iter(described["services"].values())))
    if takes_over:
        spec["ports"] = [
            {"target": target, "protocol": protocol, "mode": "host"}
            for target, protocol in sorted({(p["target"], p["protocol"]) for p in spec["ports"]})
        ]
    else:
        del spec["ports"]
        spec["networks"] = {"trial": {}}
        for mount in spec["volumes"]:
            if mount["type"] == "volume":
                target = mount["target"]
                mount.clear()
                mount |= {"type": "tmpfs", "target": target, "tmpfs": {"mode": 0o1777}}
    named = {"slipway.service": BESIDE, "slipway.role": "trial"}
    spec["labels"] |= named
    spec["deploy"]["labels"] |= named
    beside = stack.assemble(env, {BESIDE: spec}, release)
    return beside | ({"networks": described["networks"]} if takes_over else {})
