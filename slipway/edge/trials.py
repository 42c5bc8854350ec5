"""What is asked of routes before they serve, and what has to come back."""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from slipway.edge.routes import Guard, Request, Route, Table, asked_hosts, bare, ordered, reaching
from slipway.environments import domains

STRANGERS = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1")  # nobody's addresses


@dataclass(frozen=True)
class Account:
    """A name, and the secret that holds its password."""

    user: str
    secret: str


@dataclass(frozen=True)
class Trial:
    """A request, who asks it, and its answer: the status, what answers, and where that leads."""

    request: Request
    answer: str
    client: str = "127.0.0.1"
    account: Account | None = None

    @property
    def about(self) -> str:
        """What is asked, in words."""
        method = "" if self.request.method == "GET" else f"{self.request.method} "
        return f"{method}{self.request.host}{self.request.path}"


def of(table: Table, settings: Mapping[str, str]) -> list[Trial]:
    """Return a request for each route under each name, and one of a stranger for each guard."""
    names = domains.split(settings["DOMAIN"])
    routes = ordered(table.routes)
    trials = [
        _admitted(table.guards, request, route)
        for host in dict.fromkeys([*names, *_hosts(routes, names)])
        for route in table.routes
        if host in _under(route, names) and (request := reaching(routes, route, bare(host)))
    ]
    return [*trials, *_strangers(table.guards, names)]


def _hosts(routes: Sequence[Route], names: Sequence[str]) -> Iterator[str]:
    for route in routes:
        yield from _under(route, names)


def _under(route: Route, names: Sequence[str]) -> Sequence[str]:
    return route.hosts or names or ("localhost",)


def _admitted(guards: Sequence[Guard], request: Request, route: Route) -> Trial:
    answer = _answer(route, request)
    guard = _deciding(guards, request)
    if guard is None or guard.public:
        return Trial(request, answer)
    client = str(ipaddress.ip_network(guard.allow[0])[0]) if guard.allow else "127.0.0.1"
    user = next(iter(guard.users.items()), None)
    return Trial(request, answer, client, Account(*user) if user else None)


def _answer(route: Route, request: Request) -> str:
    if route.redirect:
        return f"{route.status} {route.label} {route.location(request)}"
    return f"200 {route.label}"


def _strangers(guards: Sequence[Guard], names: Sequence[str]) -> Iterator[Trial]:
    """Have somebody without password and address ask what only others may see."""
    for guard in guards:
        as_route = Route((guard.paths or ("/*",))[0], hosts=guard.hosts)
        for host in asked_hosts(as_route, names)[:1]:
            decided = (each for each in as_route.probes(host) if _deciding(guards, each) is guard)
            request, client = next(decided, None), _stranger(guard)
            if request and client and not guard.public:
                by_address = guard.allow and (guard.satisfy == "all" or not guard.users)
                yield Trial(request, "403" if by_address else "401", client)


def _deciding(guards: Sequence[Guard], request: Request) -> Guard | None:
    return next((guard for guard in guards if guard.fits(request)), None)


def _stranger(guard: Guard) -> str:
    networks = [ipaddress.ip_network(each) for each in guard.allow]
    for address in map(ipaddress.ip_address, STRANGERS):
        if not any(address in network for network in networks):
            return str(address)
    return ""
