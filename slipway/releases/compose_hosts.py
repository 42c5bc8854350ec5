"""Names of services in what others are given: a deploy has to have them, as the loop has.

In the loop every service is found by its name. In a deploy what runs in colours is `web-blue` and
`web-green` on the networks that both colours share, and `web` on one of its colour alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.releases import compose_labels, host_names
from slipway.releases.compose_keys import Finding
from slipway.releases.networks import SHARED_NETWORKS

Spec = Mapping[str, Any]
Value = tuple[tuple[str, ...], str]  # where a text stands, and the text


def check(model: Spec) -> Iterator[Finding]:
    """Find addresses of services that a deploy would not have, and names that would lead astray."""
    services: Mapping[str, Spec] = model.get("services", {})
    colours = {name: spec for name, spec in services.items() if _is_coloured(spec)}
    for name, spec in sorted(services.items()):
        others = [each for other, each in services.items() if other != name]
        for keys, text in _own_values(spec, others):
            for other, target in sorted(colours.items()):
                is_meant = host_names.mentions(text, other, keys[-1])
                if other != name and is_meant and not _reaches(spec, target, other):
                    yield Finding(("services", name, *keys), _advice(other, spec))
    for name, spec in sorted(colours.items()):
        for network in SHARED_NETWORKS:
            if name in _aliases(spec, network) and _networks(spec).keys() - {*SHARED_NETWORKS}:
                text = f"{name} is its name among its colour already, and would lead to either"
                where = ("services", name, "networks", network)
                yield Finding(where, f"{text}; write {name}-any")


def _own_values(spec: Spec, others: list[Spec]) -> Iterator[Value]:
    """Yield what a service alone is given: what several have may come from an env file, for one."""
    for key, value in (spec.get("environment") or {}).items():
        if value and not any((each.get("environment") or {}).get(key) == value for each in others):
            yield ("environment", key), str(value)
    for key in ("command", "entrypoint"):
        if words := spec.get(key):
            yield (key,), words if isinstance(words, str) else " ".join(map(str, words))


def _reaches(spec: Spec, target: Spec, name: str) -> bool:
    shared = _networks(spec).keys() & _networks(target).keys()
    is_beside = _is_coloured(spec) and bool(shared - {*SHARED_NETWORKS})
    return is_beside or any(name in _aliases(target, network) for network in shared)


def _advice(name: str, spec: Spec) -> str:
    text = (
        f"{name} runs in colours, and is found there as {name}-blue or {name}-green alone. For "
        f"whichever runs write networks: {{data: {{aliases: [{name}-any]}}}} at services.{name} "
        f"and {name}-any here"
    )
    own = "; for that of its own colour have both on one more network, app"
    return f"{text}{own if _is_coloured(spec) else ''}"


def _is_coloured(spec: Spec) -> bool:
    return compose_labels.of(spec).get("slipway.role") == "colour"


def _networks(spec: Spec) -> Mapping[str, Any]:
    return spec.get("networks") or {}


def _aliases(spec: Spec, network: str) -> list[str]:
    return list((_networks(spec).get(network) or {}).get("aliases") or [])
