"""What a service has mounted: volumes, and files in memory that its compose file asks for."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Mount = dict[str, Any]
UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([bkmgt]?)(?:i?b)?", re.IGNORECASE)
USUAL = ("rw", "noexec", "nosuid", "nodev")  # so mounts a Swarm every tmpfs
MODE = (
    "a stack of the Swarm has no mode; make the folder in the Dockerfile with its mode, which a "
    "tmpfs over it takes"
)
DEFINED = ("driver", "driver_opts", "external", "labels")


def tmpfs(text: str) -> Mount:
    """Read the short form, `/tmp:size=64m`."""
    target, _, options = text.partition(":")
    described: dict[str, int] = {"mode": 0o1777}
    for option in filter(None, options.split(",")):
        key, _, value = option.partition("=")
        if key == "size":
            described["size"] = size(value) or 0
    return {"type": "tmpfs", "target": target, "tmpfs": described}


def tmpfs_complaint(text: str) -> str:
    """Say what of the short form a Swarm would not do, or nothing."""
    target, _, options = text.partition(":")
    if not target.startswith("/"):
        return "write a path inside the container"
    for option in filter(None, options.split(",")):
        key, _, value = option.partition("=")
        if key == "size" and size(value) is None:
            return f"size={value} is no size; write 64m"
        if key == "mode":
            return MODE
        if key != "size" and option not in USUAL:
            return f"a stack of the Swarm has no {key} for a tmpfs; leave it out"
    return ""


def complaint(mount: Mapping[str, Any], role: str) -> str:
    """Say what of a mount a Swarm would not do, or nothing."""
    source, target = mount.get("source", ""), mount.get("target", "")
    match mount.get("type", ""):
        case "tmpfs":
            options = mount.get("tmpfs") or {}
            return f"{target}: {MODE}" if options.get("mode") else ""
        case "volume" if role == "colour":
            return f"{target}: a service with role colour keeps no state"
        case "volume" if not source:
            return f"{target}: a volume without a name is lost with its container; give it one"
        case "volume":
            return ""
        case "bind":
            return f"{target}: a machine has no {source} to mount; put it into the image"
        case kind:
            return f"{target}: a deploy mounts volumes and tmpfs, not {kind or 'nothing'}"


def of(spec: Mapping[str, Any]) -> list[Mount]:
    """Return the mounts of a service as a stack file describes them."""
    described = [tmpfs(text) for text in _list(spec.get("tmpfs"))]
    keys = ("type", "source", "target", "read_only")
    for mount in spec.get("volumes") or []:
        one = {key: mount[key] for key in keys if mount.get(key)}
        kind = mount.get("type", "")
        options = {key: value for key, value in (mount.get(kind) or {}).items() if value}
        if "size" in options:
            options["size"] = size(str(options["size"]))
        described.append(one | ({kind: options} if options else {}))
    return described


def volumes(spec: Mapping[str, Any]) -> dict[str, str]:
    """Map where a service has its volumes to their names; an external one has a name of its own."""
    return {
        str(mount["target"]): str((mount.get("definition") or {}).get("name") or mount["source"])
        for mount in spec.get("volumes") or []
        if mount["type"] == "volume"
    }


def definitions(model: Mapping[str, Any], spec: Mapping[str, Any]) -> list[Mount]:
    """Return the volumes of a service, each with what the file says of it at the top.

    So a release's record holds it too, and an older Slipway can still read that.
    """
    named = model.get("volumes") or {}
    entries = []
    for mount in spec.get("volumes") or []:
        described = named.get(mount.get("source")) or {}
        keys = (*DEFINED, *(["name"] if described.get("external") else []))
        definition = {key: described[key] for key in keys if described.get(key)}
        is_plain = mount.get("type") != "volume" or not definition
        entries.append(mount if is_plain else {**mount, "definition": definition})
    return entries


def volume(prefix: str, source: str, specs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Describe a volume of these services, for the top of a stack file."""
    entries = (entry for spec in specs for entry in spec.get("volumes") or [])
    described = (
        e["definition"] for e in entries if e.get("source") == source and "definition" in e
    )
    definition = dict(next(described, {}))
    if definition.get("external"):
        return {"external": True, "name": definition.get("name", source)}
    labels = {**definition.pop("labels", {}), "slipway.app": prefix}
    return {"name": f"{prefix}-{source}", **definition, "labels": labels}


def size(text: str) -> int | None:
    """Read an amount of bytes as Docker writes it, `64m`; None where it is none."""
    match = SIZE.fullmatch(text.strip())
    return int(float(match[1]) * UNITS[match[2].lower()]) if match else None


def _list(value: str | Sequence[str] | None) -> Sequence[str]:
    return [value] if isinstance(value, str) else list(value or [])
