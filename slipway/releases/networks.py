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


def describe(
    prefix: str, name: str, specs: Iterable[Mapping[str, Any]], *, is_encrypted: bool = False
) -> Network:
    """Describe a network of these services, for the top of a stack file."""
    if name in SHARED_NETWORKS:
        return {"external": True, "name": full_name(prefix, name, is_encrypted=is_encrypted)}
    definition = _definition(name, specs, is_encrypted=is_encrypted)
    labels = {**definition.pop("labels", {}), "slipway.app": prefix}
    return {"driver": "overlay", **definition, "labels": labels}


def full_name(prefix: str, name: str, *, is_encrypted: bool) -> str:
    """Name a shared network in the engine. What encrypts cannot be added to one that is there, so
    the encrypted one is another."""
    return f"{prefix}-{name}{'-encrypted' if is_encrypted else ''}"


def join_beside(stack: dict[str, Any], prefix: str, *, is_encrypted: bool) -> None:
    """Have the services of a stack file be on the other shared networks too, where the colour is
    that still serves."""
    for spec in stack["services"].values():
        for name in set(SHARED_NETWORKS) & spec["networks"].keys():
            spec["networks"][f"{name}-beside"] = dict(spec["networks"][name])
            other = full_name(prefix, name, is_encrypted=is_encrypted)
            stack["networks"][f"{name}-beside"] = {"external": True, "name": other}


def are_encrypted(specs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the compose files themselves have the shared networks encrypted."""
    definitions = (_definition(name, specs) for name in SHARED_NETWORKS)
    return all("encrypted" in (each.get("driver_opts") or {}) for each in definitions)


def shared_definitions(
    specs: Sequence[Mapping[str, Any]], *, is_encrypted: bool = False
) -> dict[str, dict[str, Any]]:
    """Return what the shared networks are beside their names, where they are anything."""
    definitions = {
        name: _definition(name, specs, is_encrypted=is_encrypted) for name in SHARED_NETWORKS
    }
    return {name: definition for name, definition in definitions.items() if definition}


def shared(
    prefix: str, specs: Sequence[Mapping[str, Any]], *, is_encrypted: bool = False
) -> dict[str, list[str]]:
    """Map the shared networks to the options that they are created with."""
    return {
        full_name(prefix, name, is_encrypted=is_encrypted): _flags(
            _definition(name, specs, is_encrypted=is_encrypted)
        )
        for name in SHARED_NETWORKS
    }


def _definition(
    name: str, specs: Iterable[Mapping[str, Any]], *, is_encrypted: bool = False
) -> dict[str, Any]:
    entries = [(spec.get("networks") or {}).get(name) or {} for spec in specs]
    about = dict(next((entry["definition"] for entry in entries if "definition" in entry), {}))
    if is_encrypted:
        about["driver_opts"] = {**(about.get("driver_opts") or {}), "encrypted": "true"}
    return about


def _flags(definition: Mapping[str, Any]) -> list[str]:
    flags = [f"--{key}" for key in ("attachable", "internal") if definition.get(key)]
    for option, key in (("--opt", "driver_opts"), ("--label", "labels")):
        for name, value in sorted((definition.get(key) or {}).items()):
            flags += [option, f"{name}={value}"]
    return flags
