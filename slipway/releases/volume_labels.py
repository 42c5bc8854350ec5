"""The label by which a compose file says of a volume whether it is backed up."""

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.releases.compose_keys import Finding

LABEL = "slipway.backup"
WORDS = ("files", "none")


def check(model: Mapping[str, Any]) -> Iterator[Finding]:
    """Find labels of volumes that say nothing a backup could follow."""
    services = model.get("services") or {}
    for name, about in sorted((model.get("volumes") or {}).items()):
        labels = (about or {}).get("labels") or {}
        for key in labels:
            if key.startswith("slipway.") and key != LABEL:
                yield Finding(("volumes", name, "labels", key), f"unknown label; {LABEL} is known")
        if LABEL not in labels:
            continue
        where = ("volumes", name, "labels", LABEL)
        if labels[LABEL] not in WORDS:
            text = f"{LABEL} must be one of {', '.join(WORDS)}, not {labels[LABEL][:60]}"
            yield Finding(where, text)
        elif labels[LABEL] == "files" and not any(
            _has(spec, name) for spec in services.values() if _role(spec) == "data"
        ):
            yield Finding(where, "no service with role data has this volume, so it keeps nothing")


def _has(spec: Mapping[str, Any], volume: str) -> bool:
    return any(mount.get("source") == volume for mount in spec.get("volumes") or [])


def _role(spec: Mapping[str, Any]) -> str:
    return str(((spec.get("deploy") or {}).get("labels") or {}).get("slipway.role", ""))
