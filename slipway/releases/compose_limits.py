"""What a Swarm refuses by itself when it is asked to run a service, found where it is written."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from slipway.releases import compose_labels, mounts
from slipway.releases.compose_keys import Finding
from slipway.releases.networks import SHARED_NETWORKS

Spec = Mapping[str, Any]
NAME = re.compile(r"[a-zA-Z0-9]+(?:[-_]+[a-zA-Z0-9]+)*")  # of a service and of a network
NAME_LIMIT = 63  # of both
PREFIX_LIMIT = 36  # of what an environment is called: its events are configs, with 64 characters
CONSTRAINT = re.compile(r"\s*[a-z_][\w.-]+\s*[!=]=\s*[\w:\s.*()?+\[\]\\^$|/-]+", re.IGNORECASE)
CONDITIONS = ("any", "on-failure", "none")
LEAST_CPUS, LEAST_MEMORY = 0.001, 4 * 1024**2


def check(model: Mapping[str, Any], prefix: str = "") -> Iterator[Finding]:
    """Find what the Swarm would refuse; `prefix` is what the environment is called by."""
    if len(prefix) > PREFIX_LIMIT:
        text = f"PROJECT and environment, {prefix}, are longer than {PREFIX_LIMIT} characters"
        yield Finding(("name",), f"{text} together; shorten one of them")
    for name, spec in sorted(model.get("services", {}).items()):
        above = ("services", name)
        yield from _names(above, name, _stack_of(spec, name, prefix), spec)
        for keys, text in (*_deploy(spec), *_mounts(spec)):
            yield Finding((*above, *keys), text)


def _stack_of(spec: Spec, name: str, prefix: str) -> str:
    role = compose_labels.of(spec).get("slipway.role", "")
    return f"{prefix}-{ {'colour': 'green', 'job': name}.get(role, role) }"


def _names(above: tuple[str, ...], name: str, stack: str, spec: Spec) -> Iterator[Finding]:
    is_coloured = compose_labels.of(spec).get("slipway.role") == "colour"
    full = f"{stack}_{name}{'-green' if is_coloured else ''}"
    if not NAME.fullmatch(name):
        yield Finding(above, "a Swarm takes letters, digits, - and _ inside; call it otherwise")
    if len(full) > NAME_LIMIT:
        text = f"a Swarm would call it {full}, and takes {NAME_LIMIT} characters; call it shorter"
        yield Finding(above, f"{text}, by {len(full) - NAME_LIMIT}")
    for network in spec.get("networks") or {}:
        longer = f"{stack}_{network}"
        if network not in SHARED_NETWORKS and len(longer) > NAME_LIMIT:
            text = f"a Swarm would call it {longer}, and takes {NAME_LIMIT} characters"
            yield Finding(("networks", network), text)


def _deploy(spec: Spec) -> Iterator[tuple[tuple[str, ...], str]]:
    deploy = spec.get("deploy") or {}
    for part, values in (deploy.get("resources") or {}).items():
        keys = ("deploy", "resources", part)
        cpus, memory = values.get("cpus"), values.get("memory")
        if cpus and float(cpus) < LEAST_CPUS:
            yield (*keys, "cpus"), f"{cpus}: {LEAST_CPUS} is the least"
        if memory and (mounts.size(str(memory)) or 0) < LEAST_MEMORY:
            yield (*keys, "memory"), f"{memory} bytes: 4M is the least"
    for text in (deploy.get("placement") or {}).get("constraints") or []:
        if not CONSTRAINT.fullmatch(text):
            yield (
                ("deploy", "placement", "constraints"),
                f"{text}: write it like node.role == worker",
            )
    condition = (deploy.get("restart_policy") or {}).get("condition", "any")
    if condition not in CONDITIONS:
        keys = ("deploy", "restart_policy", "condition")
        yield keys, f"{condition}: write {', '.join(CONDITIONS[:-1])} or {CONDITIONS[-1]}"


def _mounts(spec: Spec) -> Iterator[tuple[tuple[str, ...], str]]:
    seen: set[str] = set()
    for mount in mounts.of(spec):
        target = mount["target"].rstrip("/")
        if target in seen:
            yield ("volumes" if spec.get("volumes") else "tmpfs",), f"{target} is mounted twice"
        seen.add(target)
    targets: set[str] = set()
    for secret in spec.get("secrets") or []:
        target = (secret.get("target") or secret["source"]).removeprefix("/run/secrets/")
        if target in targets:
            yield ("secrets",), f"two secrets have the name {target}; give one another target"
        targets.add(target)
