"""Which requests of users go to which service, read from proxies, labels and published ports."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.scaffold.importing import health, proxies
from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.findings import Draft
from slipway.scaffold.importing.names import Names
from slipway.scaffold.importing.proxies import Forward

USUAL = (80, 8080, 3000, 8000, 5000, 4000, 8081, 8888, 4200, 5173)
NEVER = {22, 25, 110, 143, 465, 587, 993, 2525, 1025, 5005, 5858, 9222, 9229, 9230, 24678, 35729}
FRONT = re.compile(
    r"^(?:web|www|frontend|front|app|site|ui|client|nginx|proxy|server)", re.IGNORECASE
)
BACK = re.compile(r"^(?:api|backend|back|server|rest|graphql)", re.IGNORECASE)
NOWHERE = "none"


@dataclass(frozen=True)
class Route:
    """A path as the edge takes it, and the port of the service."""

    path: str
    port: int


def choose(classified: Sequence[OldService], names: Names, draft: Draft) -> dict[str, Route]:
    """Map services, by their old names, to their routes."""
    targets = {
        s.name: s for s in classified if s.home == "project" and s.role in ("colour", "data")
    }
    forwards = [each for each in _forwards(classified, names, draft) if each.service in targets]
    routes: dict[str, Route] = {}
    for each in forwards:
        port = each.port or _port(targets[each.service].spec)
        path = _path(each.path)
        other = next((name for name, route in routes.items() if route.path == path), "")
        where = ("services", each.service)
        if each.service in routes:
            if routes[each.service].path != path:
                _say_another(each, path, routes[each.service], draft)
        elif other:
            draft.refuse(
                f"{each.service}: {path} of {each.host or 'another host'} is the route of {other} "
                "too; "
                "give one of them another path in slipway.route",
                *where,
            )
        elif port:
            routes[each.service] = Route(path, port)
            host = f" ({each.host})" if each.host else ""
            draft.note(f"{each.service}: serves {path}{host} on port {port}", *where)
    if not routes:
        _by_ports(targets, routes, draft)
    return routes


def _forwards(classified: Sequence[OldService], names: Names, draft: Draft) -> Iterator[Forward]:
    old = {new: name for name, new in names.services.items()}
    for service in classified:
        if service.role == "edge":
            texts = proxies.configs(service.spec, draft.project.folder)
            for each in proxies.forwards(texts):
                name = (
                    each.service
                    if each.service in names.services
                    else names.by_old.get(each.service, "")
                )
                yield Forward(old.get(name, name), each.path, each.port, each.host)
    for service in classified:
        yield from proxies.labelled(service.name, service.spec)


def _say_another(forward: Forward, path: str, first: Route, draft: Draft) -> None:
    draft.refuse(
        f"{forward.service}: serves {path} too, beside {first.path}; one route is taken over, "
        "write "
        "the other",
        *("services", forward.service),
    )


def _by_ports(targets: Mapping[str, OldService], routes: dict[str, Route], draft: Draft) -> None:
    open_ones = {name: port for name, s in targets.items() if (port := _port(s.spec))}
    open_ones = open_ones or {n: port for n, s in targets.items() if (port := _inner_port(s))}
    front = _front(open_ones)
    for name, port in open_ones.items():
        default = "/*" if name == front else "/api/*" if BACK.search(name) else NOWHERE
        if len(open_ones) == 1:
            answer = default
        else:
            text = f"Which requests go to {name} (port {port})? A path such as /api/*, or {NOWHERE}"
            answer = draft.ask(f"route.{name}", text, default)
        if answer != NOWHERE:
            routes[name] = Route(answer, port)
            text = f"{name}: its published port {port} is the route {answer} now"
            draft.note(text, "services", name, "ports")
        else:
            text = f"{name}: its published port {port} is open to nobody from outside now"
            draft.note(text, "services", name, "ports")


def _front(ports: Mapping[str, int]) -> str:
    """Choose who gets what no other route takes."""
    by_name = [name for name in ports if FRONT.search(name) and not BACK.search(name)]
    plain = [name for name in ports if not BACK.search(name)]
    ranked = sorted(by_name or plain or ports, key=lambda name: _rank(ports[name]))
    return ranked[0] if ranked else ""


def _port(spec: Mapping[str, Any]) -> int:
    """Choose the port of a service that speaks HTTP; 0 for none."""
    published = [
        int(port["target"])
        for port in spec.get("ports") or []
        if port.get("protocol", "tcp") == "tcp" and int(port.get("target", 0)) not in NEVER
    ]
    return min(published, key=_rank, default=0)


def _inner_port(service: OldService) -> int:
    """Choose a port that a service has without publishing it."""
    exposed = [int(str(port).partition("/")[0]) for port in service.spec.get("expose") or []]
    return min(exposed, key=_rank, default=health.port(service))


def _rank(port: int) -> int:
    return USUAL.index(port) if port in USUAL else len(USUAL)


def _path(path: str) -> str:
    """Write a prefix as the edge matches it."""
    return f"{path.rstrip('/*')}/*"
