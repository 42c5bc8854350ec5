"""Which requests of users go to which service, read from proxies, labels and published ports."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slipway.scaffold.importing import health, proxies, static_sites
from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.findings import Draft
from slipway.scaffold.importing.names import Names
from slipway.scaffold.importing.proxies import Forward
from slipway.scaffold.importing.static_sites import StaticSite

USUAL = (80, 8080, 3000, 8000, 5000, 4000, 8081, 8888, 4200, 5173)
NEVER = {22, 25, 110, 143, 465, 587, 993, 2525, 1025, 5005, 5858, 9222, 9229, 9230, 24678, 35729}
FRONT = re.compile(
    r"^(?:web|www|frontend|front|app|site|ui|client|nginx|proxy|server)", re.IGNORECASE
)
BACK = re.compile(r"^(?:api|backend|back|server|rest|graphql)", re.IGNORECASE)
NOWHERE = "none"
USUAL_BODY = 100  # MB, as MAX_BODY_MB has it


@dataclass(frozen=True)
class Route:
    """A path as the edge takes it, the port of the service, and what is taken off the path."""

    path: str
    port: int
    strip: str = ""


Routes = dict[str, list[Route]]


def choose(classified: Sequence[OldService], names: Names, draft: Draft) -> Routes:
    """Map services, by their old names, to their routes."""
    targets = {
        s.name: s for s in classified if s.home == "project" and s.role in ("colour", "data")
    }
    routes: Routes = {}
    for each in _forwards(classified, names, draft):
        if each.service in targets:
            service = targets[each.service]
            port = each.port or _port(service.spec) or _inner_port(service)
            _take(each, Route(_path(each.path), port, each.strip), routes, draft)
    if not routes:
        edges = (service for service in classified if service.role == "edge")
        has_page = any(site.path == "/" for each in edges for site in static_of(each, draft))
        _by_ports(targets, routes, draft, has_page=has_page)
    return routes


def static_of(service: OldService, draft: Draft) -> list[StaticSite]:
    """Return what a proxy serves out of folders."""
    folder = draft.project.folder
    return static_sites.of(service.spec, proxies.configs(service.spec, folder), folder)


def in_label(service: OldService, routes: Sequence[Route]) -> Route | None:
    """Return the route that the labels of a service hold; the others stand in routes.yml."""
    plain = (route for route in routes if not route.strip)
    return next(plain, None) if service.role == "colour" else None


def entries(classified: Sequence[OldService], routes: Routes, names: Names) -> list[dict[str, str]]:
    """Return the entries of compose/routes.yml."""
    described = []
    for service in classified:
        own = routes.get(service.name, [])
        for route in own:
            if route != in_label(service, own):
                strip = {"strip": route.strip} if route.strip else {}
                name = names[service.name]
                to = name if route.port == own[0].port else f"{name}:{route.port}"
                described.append({"path": route.path, "to": to, **strip})
    return described


def _take(forward: Forward, route: Route, routes: Routes, draft: Draft) -> None:
    own = routes.setdefault(forward.service, [])
    where = ("services", forward.service)
    taken = {each.path: name for name, others in routes.items() for each in others}
    if taken.get(route.path, forward.service) != forward.service:
        host = forward.host or "its host"
        draft.refuse(
            (
                f"{forward.service}: {route.path} of {host} is the route of "
                f"{taken[route.path]} too; write {{host: {host}, path: {route.path}, "
                f"to: {forward.service}}} in compose/routes.yml, and {host} into DOMAIN"
            ),
            *where,
        )
    elif route.path not in taken and route.port:
        own.append(route)
        host = f" ({forward.host})" if forward.host else ""
        text = f"{forward.service}: serves {route.path}{host} on port {route.port}"
        draft.note(text, *where)
    if not own:
        del routes[forward.service]


def _forwards(classified: Sequence[OldService], names: Names, draft: Draft) -> Iterator[Forward]:
    for service in classified:
        if service.role == "edge":
            texts = proxies.configs(service.spec, draft.project.folder)
            if (size := proxies.largest_body(texts)) > USUAL_BODY:
                draft.note(
                    (
                        f"{service.name}: takes bodies of {size} MB; write "
                        f"MAX_BODY_MB={size} in compose/common.env"
                    ),
                    "services",
                    service.name,
                )
            for each in proxies.forwards(texts):
                yield replace(each, service=names.old(each.service))
    for service in classified:
        yield from proxies.labelled(service.name, service.spec)


def _by_ports(
    targets: Mapping[str, OldService], routes: Routes, draft: Draft, *, has_page: bool
) -> None:
    open_ones = {name: port for name, s in targets.items() if (port := _port(s.spec))}
    open_ones = open_ones or {n: port for n, s in targets.items() if (port := _inner_port(s))}
    front = "" if has_page else _front(open_ones)
    for name, port in open_ones.items():
        default = "/*" if name == front else "/api/*" if BACK.search(name) else NOWHERE
        if len(open_ones) == 1:
            answer = default
        else:
            text = f"Which requests go to {name} (port {port})? A path such as /api/*, or {NOWHERE}"
            answer = draft.ask(f"route.{name}", text, default)
        if answer != NOWHERE:
            routes[name] = [Route(answer, port)]
            text = f"{name}: its published port {port} is the route {answer} now"
            draft.note(text, "services", name, "ports")
        else:
            text = (
                f"{name}: its published port {port} is open to nobody from outside now; where "
                f"users need it, write {{path: /PATH/*, to: {name}:{port}}} in compose/routes.yml"
            )
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
