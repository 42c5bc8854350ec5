"""The networks of a service: shared by both colours, or a colour's own."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SHARED_NETWORKS = ("edge", "data")  # both colours are on them; any other belongs to its colour
DEFINED = ("attachable", "driver_opts", "internal", "labels")

Network = dict[str, Any]


def definitions(model: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the networks of a service, each with what the file says of it at the top.

    So a release's record holds it too, and an older Slipway can still read that.
    """
    named = model.get("networks") or {}
    entries = dict(spec.get("networks") or {})
    for name, options in entries.items():
        described = named.get(name) or {}
        if definition := {key: described[key] for key in DEFINED if described.get(key)}:
            entries[name] = {**(options or {}), "definition": definition}
    return entries


def of(spec: Mapping[str, Any], alias: str = "") -> dict[str, Network]:
    """Return the networks of a service; on those of its colour it has an alias too."""
    networks: dict[str, Network] = {}
    for name, options in (spec.get("networks") or {}).items():
        own = list((options or {}).get("aliases") or [])
        if alias and name not in SHARED_NETWORKS:
            own.append(alias)
        networks[name] = {"aliases": own} if own else {}
    return networks


def describe(prefix: str, name: str, specs: Iterable[Mapping[str, Any]]) -> Network:
    """Describe a network of these services, for the top of a stack file."""
    if name in SHARED_NETWORKS:
        return {"external": True, "name": f"{prefix}-{name}"}
    definition = _definition(name, specs)
    labels = {**definition.pop("labels", {}), "slipway.app": prefix}
    return {"driver": "overlay", **definition, "labels": labels}


def shared_definitions(specs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what the files say of the shared networks, where they say anything."""
    definitions = {name: _definition(name, specs) for name in SHARED_NETWORKS}
    return {name: definition for name, definition in definitions.items() if definition}


def shared(prefix: str, specs: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Map the shared networks to the options that they are created with."""
    return {f"{prefix}-{name}": _flags(_definition(name, specs)) for name in SHARED_NETWORKS}


def _definition(name: str, specs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    entries = [(spec.get("networks") or {}).get(name) or {} for spec in specs]
    return dict(next((entry["definition"] for entry in entries if "definition" in entry), {}))


def _flags(definition: Mapping[str, Any]) -> list[str]:
    flags = [f"--{key}" for key in ("attachable", "internal") if definition.get(key)]
    for option, key in (("--opt", "driver_opts"), ("--label", "labels")):
        for name, value in sorted((definition.get(key) or {}).items()):
            flags += [option, f"{name}={value}"]
    return flags
