"""What the services of the old project are called in the new one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.releases import compose_limits
from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.old_database import DATABASE

LONGEST = "staging"  # of the environments that a project begins with
EDGE = "edge"
TAKEN = (
    *(DATABASE, EDGE, "ops", "drill", "migrations", "restic", "tests", "schedule", "signpost"),
    "certificates",
)


@dataclass(frozen=True)
class Names:
    """By old name; `by_old` has the other names too by which a container was reached."""

    services: Mapping[str, str]
    by_old: Mapping[str, str]

    def old(self, called: str) -> str:
        """Return the old name of a service that is reached by this one."""
        new = self.by_old.get(called, called)
        return next((old for old, each in self.services.items() if each == new), called)

    def __getitem__(self, old: str) -> str:
        return self.services[old]


def choose(classified: Sequence[OldService], project: str) -> Names:
    """Keep every name but those of Slipway's own services and those that are too long."""
    chosen: dict[str, str] = {}
    for service in classified:
        if service.home == "kit":
            chosen[service.name] = EDGE if service.role == "edge" else DATABASE
        elif service.name in TAKEN:
            is_known = service.image.name not in ("", service.name, *TAKEN)
            chosen[service.name] = service.image.name if is_known else f"{service.name}-service"
        else:
            chosen[service.name] = _short(service.name, project, chosen.values())
    others = {
        other: chosen[service.name]
        for service in classified
        for other in other_names(service.spec)
        if other not in chosen
    }
    return Names(chosen, {**others, **chosen})


def _short(name: str, project: str, taken: Collection[str]) -> str:
    """Cut a name that would be too long beside an environment, a stack and a colour."""
    room = compose_limits.NAME_LIMIT - len(f"{project}-{LONGEST}-green_-green")
    if len(name) <= room:
        return name
    numbers = (f"{name[: room - 2].rstrip('-_')}-{number}" for number in range(1, 100))
    short = name[:room].rstrip("-_")
    return short if short not in taken else next(each for each in numbers if each not in taken)


def other_names(spec: Mapping[str, Any]) -> list[str]:
    """Return what else a container is called by on the old networks."""
    own = [str(spec[key]) for key in ("container_name", "hostname") if spec.get(key)]
    for options in (spec.get("networks") or {}).values():
        own += [str(alias) for alias in (options or {}).get("aliases") or []]
    return own
