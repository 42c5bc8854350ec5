"""The networks of the new project's services, and the names by which they find each other there."""

from collections.abc import Mapping
from typing import Any

from slipway.releases import host_names
from slipway.scaffold.importing import names
from slipway.scaffold.importing.assembly import Assembly
from slipway.scaffold.importing.classification import OldService

APP = "app"  # the network of a colour, where its services know each other by their plain names


def join(assembly: Assembly) -> None:
    """Have each service on the networks where it meets the others by their plain names."""
    colours = [s for s in assembly.kept() if s.role == "colour"]
    for service in assembly.kept():
        new = assembly.named(service.name)
        assert new is not None  # noqa: S101  each was put in
        is_routed = service.name in assembly.routes
        new.networks = {**({"edge": []} if is_routed else {}), "data": []}
        if service.role == "colour" and len(colours) > 1:
            new.networks[APP] = []
        if service.role in ("data", "accessory"):
            others = [n for n in names.other_names(service.spec) if n != new.name and "." not in n]
            new.networks["data"] = list(dict.fromkeys(others))
    for service in assembly.kept():
        for other in colours if service.role != "colour" else ():
            if _mentions(service, other):
                _lead_to_any(service, other, assembly)


def _lead_to_any(service: OldService, other: OldService, assembly: Assembly) -> None:
    """Have a service find another, which runs in colours, by a name that all its colours have."""
    new, target = assembly.named(service.name), assembly.named(other.name)
    assert new is not None and target is not None  # noqa: S101  each was put in
    alias, where = f"{target.name}-any", ("services", service.name)
    aliases = target.networks["data"]
    aliases += [alias] if alias not in aliases else []
    before = {key: new.spec.get(key) for key in ("environment", "command", "entrypoint")}
    after = {key: _renamed(value, {target.name: alias}, key) for key, value in before.items()}
    new.spec |= {key: value for key, value in after.items() if value != before[key]}
    text = (
        f"{service.name}: reaches {other.name}, which runs in colours, as {alias}: whichever runs"
    )
    if after == before:
        text = f"{text}; write {alias} where it is named {target.name}"
        assembly.draft.refuse(text, *where)
    else:
        assembly.draft.note(text, *where)


def _renamed(value: Any, names: Mapping[str, str], key: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _renamed(each, names, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, names, key) for each in value]
    return host_names.renamed(value, names, key) if isinstance(value, str) else value


def _mentions(service: OldService, other: OldService) -> bool:
    called = [other.name, *names.other_names(other.spec)]
    values = list((service.spec.get("environment") or {}).items())
    values += [("", " ".join(map(str, service.spec.get(key) or []))) for key in ("command",)]
    return any(
        host_names.mentions(str(value), name, str(key)) for key, value in values for name in called
    )
