"""What one release changes against another: a list that plans, differences and records share."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from slipway import secret_signs
from slipway.edge.routes import Route, Table
from slipway.releases import service_secrets
from slipway.releases.application import Service
from slipway.releases.release import ENCRYPTED, PROGRAM, Release

Kind = Literal[
    "first release", "added", "removed", "image", "setting", "replicas", "secret", "definition",
    "route", "edge", "network", "migration",
]  # fmt: skip
HIDDEN = "(hidden)"
LONGEST = 60


@dataclass(frozen=True)
class Change:
    """One difference. `service` is empty where it is of no service; `before` and `after` are empty
    where there was or is nothing, and for what can only be said to have changed."""

    kind: Kind
    service: str = ""
    name: str = ""
    before: str = ""
    after: str = ""

    @property
    def text(self) -> str:
        """Say it in words, without its service."""
        what = {"secret": f"secret {self.name}", "route": f"route {self.name}"}.get(
            self.kind, self.name or self.kind
        )
        if self.kind == "migration":
            return f"up to {self.after or 'none'}"
        if self.kind == "network":
            return f"{self.after} between machines; database and edges start once more"
        if self.before == self.after:
            return what
        if not self.before:
            return f"{what} added" + (f" ({self.after})" if self.after != "added" else "")
        return f"{what} removed" if not self.after else f"{what} {self.before} → {self.after}"


def between(old: Release | None, new: Release) -> list[Change]:
    """List what differs, service by service, then routes, edge, networks and migrations."""
    if old is None:
        return [Change("first release")]
    before = {service.name: service for service in old.services}
    after = {service.name: service for service in new.services}
    changes = [Change("added", name) for name in sorted(after.keys() - before.keys())]
    changes += [Change("removed", name) for name in sorted(before.keys() - after.keys())]
    for name in sorted(after.keys() & before.keys()):
        changes += _of_service(old, new, before[name], after[name])
    changes += _routes(old.routes, new.routes)
    if old.settings and new.settings:  # releases from before they were recorded have none
        settings = [_without_networks(each.settings) for each in (old, new)]
        changes += _values("edge", "", *settings)
    if old.encrypts_networks != new.encrypts_networks:
        how = "encrypted" if new.encrypts_networks else "not encrypted"
        changes.append(Change("network", after=how))
    if old.migration_head != new.migration_head:
        changes.append(Change("migration", before=old.migration_head, after=new.migration_head))
    return changes


def sentences(changes: Sequence[Change]) -> list[str]:
    """Say changes in words: a line for services that change alike, and for each other kind."""
    services: dict[str, list[str]] = {}
    others: dict[Kind, list[str]] = {}
    for change in changes:
        if change.service:
            services.setdefault(change.service, []).append(change.text)
        else:
            others.setdefault(change.kind, []).append(change.text)
    alike: dict[str, list[str]] = {}
    for service, texts in services.items():
        alike.setdefault(", ".join(texts), []).append(service)
    lines = [f"{', '.join(names)}: {text}" for text, names in alike.items()]
    for kind, texts in others.items():
        head = _HEADS.get(kind)
        lines.append(f"{head}: {', '.join(texts)}" if head else texts[0])
    return lines


_HEADS: Mapping[Kind, str] = {
    "route": "routes",
    "edge": "edge",
    "network": "networks",
    "migration": "migrations",
}


def _of_service(old: Release, new: Release, before: Service, after: Service) -> Iterator[Change]:
    name = after.name
    if old.tags[name] != new.tags[name]:
        yield Change("image", name, "image", *_versions(old.tags[name], new.tags[name]))
    yield from _values(
        "setting",
        name,
        before.spec.get("environment") or {},
        after.spec.get("environment") or {},
    )
    counts = [(each.spec.get("deploy") or {}).get("replicas", 1) for each in (before, after)]
    if counts[0] != counts[1]:
        yield Change("replicas", name, "replicas", *map(str, counts))
    for key in sorted(before.spec.keys() | after.spec.keys()):
        if key in ("environment", "image", "build", PROGRAM):
            continue
        if _definition(before.spec, key) != _definition(after.spec, key):
            yield Change("definition", name, key)
    used = set(service_secrets.sources(before, old.settings))
    uses = set(service_secrets.sources(after, new.settings))
    for key in sorted(uses - used):
        yield Change("secret", name, key, "", "added")
    for key in sorted(used & uses):
        if old.secrets.get(key) != new.secrets.get(key):
            yield Change("secret", name, key)
    for key in sorted(used - uses):
        yield Change("secret", name, key, "used", "")


def _definition(spec: Mapping[str, Any], key: str) -> Any:
    """Return a part of a service, less what is told by itself; secrets are told by name."""
    if key == "secrets":
        return None
    if key == "deploy":
        return {name: part for name, part in (spec.get(key) or {}).items() if name != "replicas"}
    return spec.get(key)


def _versions(old: str, new: str) -> tuple[str, str]:
    """Return two tags; of images that are built the tags tell nobody anything."""
    return ("", "") if ":src-" in old or ":src-" in new else (old, new)


def _values(
    kind: Literal["setting", "edge"],
    service: str,
    old: Mapping[str, object],
    new: Mapping[str, object],
) -> Iterator[Change]:
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            before, after = (
                _shown(key, values[key]) if key in values else "" for values in (old, new)
            )
            yield Change(kind, service, key, before, after)


def _without_networks(settings: Mapping[str, str]) -> Mapping[str, str]:
    return {key: value for key, value in settings.items() if key != ENCRYPTED}


def _shown(name: str, value: object) -> str:
    """Return a value as a plan may show it: whatever looks secret is not."""
    text = " ".join(str(value).split())
    if secret_signs.NAME.search(name.upper()) or secret_signs.ADDRESS.search(text):
        return HIDDEN
    return (text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…") or "empty"


def _routes(old: Table, new: Table) -> Iterator[Change]:
    before, after = ({_place(one): one for one in table.routes} for table in (old, new))
    for place in sorted(before.keys() | after.keys()):
        if before.get(place) != after.get(place):
            texts = [_target(routes.get(place)) for routes in (before, after)]
            yield Change("route", "", place, *texts)
    if (old.guards, old.pages, old.fragment) != (new.guards, new.pages, new.fragment):
        yield Change("route", "", "guards and pages")


def _place(route: Route) -> str:
    methods = f"{','.join(route.methods)} " if route.methods else ""
    conditions = "".join(f" {key}={value}" for key, value in route.match_headers.items())
    return f"{methods}{','.join(route.hosts)}{route.path}{conditions}"


def _target(route: Route | None) -> str:
    if route is None:
        return ""
    return route.redirect or (f"{route.name}:{route.port}" if route.name else route.label)
