"""What the services of the old project are called in the new one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.old_database import DATABASE

EDGE = "edge"
TAKEN = (DATABASE, EDGE, "ops", "drill", "migrations", "tests", "schedule", "signpost")


@dataclass(frozen=True)
class Names:
    """By old name; `by_old` has the other names too by which a container was reached."""

    services: Mapping[str, str]
    by_old: Mapping[str, str]

    def __getitem__(self, old: str) -> str:
        return self.services[old]


def choose(classified: Sequence[OldService]) -> Names:
    """Keep every name but those that Slipway's own services have."""
    chosen: dict[str, str] = {}
    for service in classified:
        if service.home == "kit":
            chosen[service.name] = EDGE if service.role == "edge" else DATABASE
        elif service.name in TAKEN:
            is_known = service.image.name not in ("", service.name, *TAKEN)
            chosen[service.name] = service.image.name if is_known else f"{service.name}-service"
        else:
            chosen[service.name] = service.name
    others = {
        other: chosen[service.name]
        for service in classified
        for other in other_names(service.spec)
        if other not in chosen
    }
    return Names(chosen, {**others, **chosen})


def other_names(spec: Mapping[str, Any]) -> list[str]:
    """Return what else a container is called by on the old networks."""
    own = [str(spec[key]) for key in ("container_name", "hostname") if spec.get(key)]
    for options in (spec.get("networks") or {}).values():
        own += [str(alias) for alias in (options or {}).get("aliases") or []]
    return own
