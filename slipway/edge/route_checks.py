"""Routes held against each other: one that could never serve is refused before a build."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from slipway.edge.route_entries import Entries
from slipway.edge.routes import Request, Route, asked_hosts, covers, ordered, reaching, winner
from slipway.edge.routes_file import Keys, RoutesFile

MOST_HOPS = 10  # as many redirections as a browser follows, about


def check(file: RoutesFile, entries: Entries, names: Sequence[str]) -> None:
    """Note routes that two say, that no request reaches, or that lead to themselves.

    `names` are those that the edge answers to; none stands for all. Where entries are wrong by
    themselves, that is enough to be said.
    """
    if file.findings:
        return
    routes = list(entries.table.routes)
    in_order = ordered(routes)
    seen: dict[tuple[object, ...], Keys] = {}
    for route, keys in zip(routes, entries.places, strict=True):
        if route.conditions in seen:
            other = seen[route.conditions]
            file.complain(keys, f"{route.path} is {_place(file, other)} already")
            continue
        seen[route.conditions] = keys
        _check_hosts(file, route, keys, names)
        _check_reached(file, in_order, route, keys, names)
        _check_end(file, in_order, route, keys, names)
    for guard, keys in zip(entries.table.guards, entries.guard_places, strict=True):
        for host in guard.hosts:
            _check_host(file, host, (*keys, "hosts"), names)
    _check_guards(file, entries, names)


def _check_guards(file: RoutesFile, entries: Entries, names: Sequence[str]) -> None:
    """Find an entry that decides about nothing: what it keeps out would come in."""
    guards = entries.table.guards
    for guard, keys in zip(guards, entries.guard_places, strict=True):
        requests = [
            request
            for path in guard.paths or ("/*",)
            for host in asked_hosts(Route(path, hosts=guard.hosts), names)
            for request in Route(path).probes(host)
        ]
        first = [next(each for each in guards if each.fits(request)) for request in requests]
        if guard not in first:
            line = file.lines.get(entries.guard_places[guards.index(first[0])], 1)
            text = f"the entry in line {line} decides about all its requests; write it above that"
            file.complain(keys, f"{text}, or both in one")


def _place(file: RoutesFile, keys: Keys) -> str:
    return f"in line {file.lines.get(keys, 1)}" if keys else "a slipway.route of a compose file"


def _check_hosts(file: RoutesFile, route: Route, keys: Keys, names: Sequence[str]) -> None:
    for host in route.hosts:
        _check_host(file, host, (*keys, "hosts"), names)


def _check_host(file: RoutesFile, host: str, keys: Keys, names: Sequence[str]) -> None:
    if names and not any(covers(name, host) for name in names):
        env = file.around.environment
        text = f"the edge does not answer to {host}; add it to DOMAIN in compose/{env}.env"
        file.complain(keys, f"{text}, or say where it does, with only: [...]")


def _check_reached(
    file: RoutesFile, routes: Sequence[Route], route: Route, keys: Keys, names: Sequence[str]
) -> None:
    hosts = asked_hosts(route, names)
    if any(reaching(routes, route, host) for host in hosts):
        return
    probe = next(route.probes(hosts[0]))
    first = winner(routes, probe)
    by = f"{first.path} to {first.label}" if first and first is not route else "nothing"
    file.complain(keys, f"no request reaches {route.path} to {route.label}: {by} takes them all")


def _check_end(
    file: RoutesFile, routes: Sequence[Route], route: Route, keys: Keys, names: Sequence[str]
) -> None:
    """Follow a redirection as a browser would."""
    for host in asked_hosts(route, names) if route.redirect else ():
        request = reaching(routes, route, host)
        for _ in range(MOST_HOPS):
            taken = winner(routes, request) if request else None
            if request is None or taken is None or not taken.redirect:
                break
            request = _next(taken, request, names, _ports(file))
        else:
            file.complain((*keys, "redirect"), f"under {host} it leads round in a circle")
            return


def _ports(file: RoutesFile) -> list[str]:
    """Return what stands for the edge's own ports in an address."""
    settings = file.around.settings
    return ["None", settings.get("HTTP_PORT", "80"), settings.get("HTTPS_PORT", "443")]


def _next(
    route: Route, request: Request, names: Sequence[str], ports: Sequence[str]
) -> Request | None:
    """Return the request that a redirection leads to; nothing where that is somebody else's."""
    target = urlsplit(route.location(request))
    host = target.hostname or request.host
    if target.netloc and str(target.port) not in ports:
        return None
    if host != request.host and not any(covers(name, host) for name in names):
        return None
    return Request(host, target.path or "/", request.method)
