"""Routes: which requests there are, and what the edge does with each; which of them takes one."""

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import product
from types import MappingProxyType
from typing import Any

Record = dict[str, Any]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
PROBE = "slipway-probe"
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Request:
    """As much of a request as routes look at."""

    host: str
    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """Requests of one kind, and what is done with them.

    A service answers, found on the edge network by its name; or the edge itself, with a
    redirection or a text. None is “as the settings say”.
    """

    path: str
    name: str = ""
    port: int = 0
    hosts: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    match_headers: Mapping[str, str] = field(default_factory=dict)  # "*": whatever it holds
    strip: str = ""
    rewrite: str = ""
    redirect: str = ""
    status: int = 301
    text: str = ""
    content_type: str = ""
    trailing_slash: str = ""
    request_headers: Mapping[str, str | None] = field(default_factory=dict)  # None: taken out
    response_headers: Mapping[str, str | None] = field(default_factory=dict)
    cache: str = ""
    compress: bool = False
    sticky: bool = False
    assets: bool = False  # what the service does not have, the other colour is asked for
    max_body: int | None = None  # bytes; 0: no limit
    timeout: int | None = None  # seconds; 0: no limit
    intercept: tuple[int, ...] = ()
    other: str = ""  # the service in the other colour; of no record
    canary: str = ""  # the service in the colour that a share of the visitors meets; of no record
    is_static: bool = False  # its service serves a folder of files

    @property
    def label(self) -> str:
        """What answers, in a word."""
        return self.name or ("redirect" if self.redirect else "file")

    @property
    def paths(self) -> list[str]:
        """`/api/*` also means `/api` itself."""
        path = self.path
        is_folder = path.endswith("/*") and path != "/*"
        return [path, path.removesuffix("/*")] if is_folder else [path]

    @property
    def conditions(self) -> tuple[object, ...]:
        """What tells its requests from all others."""
        headers = tuple(sorted((key.lower(), value) for key, value in self.match_headers.items()))
        return self.path.lower(), frozenset(self.hosts), frozenset(self.methods), headers

    def takes(self, request: Request) -> bool:
        """Whether a request is one of its own, as Caddy matches them."""
        headers = {key.lower(): value for key, value in request.headers.items()}
        return (
            (not self.hosts or any(covers(host, request.host) for host in self.hosts))
            and (not self.methods or request.method in self.methods)
            and any(_fits(pattern, request.path) for pattern in self.paths)
            and all(
                key.lower() in headers and value in ("*", headers[key.lower()])
                for key, value in self.match_headers.items()
            )
        )

    def probes(self, host: str) -> Iterator[Request]:
        """Return requests that it could take, simple ones first."""
        stem = self.path.removesuffix("*").replace("*", "x")
        paths = [stem, stem + PROBE] if self.path.endswith("*") else [stem]
        if self.trailing_slash:  # others are led elsewhere
            has_slash = self.trailing_slash == "add"
            paths = [path for path in paths if path == "/" or path.endswith("/") == has_slash]
        headers = {key: "x" if value == "*" else value for key, value in self.match_headers.items()}
        for path, method in product(paths, self.methods or METHODS[:5]):
            yield Request(host, path, method, headers)

    def location(self, request: Request) -> str:
        """Return where a redirection leads a request, as a browser is told."""
        rest = request.path.removeprefix(self.path.removesuffix("*")).lstrip("/")
        words = {"{rest}": rest, "{uri}": request.path, "{host}": request.host, "{query}": ""}
        target = self.redirect
        for word, value in words.items():
            target = target.replace(word, value)
        return target


@dataclass(frozen=True)
class Guard:
    """Who may come in: addresses, people with a password, or everybody. The first that fits a
    request decides. `users` maps a name to the secret that holds the password."""

    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    users: Mapping[str, str] = field(default_factory=dict)
    satisfy: str = "all"
    public: bool = False

    def fits(self, request: Request) -> bool:
        """Whether it decides about a request, unless one before it does."""
        as_route = [Route(path, hosts=self.hosts) for path in self.paths or ("/*",)]
        return any(route.takes(request) for route in as_route)


@dataclass(frozen=True)
class Maintenance:
    """Why an environment is closed, until when (nothing: not known), and which addresses pass."""

    message: str
    until: datetime | None = None
    allow: tuple[str, ...] = ()
    by: str = ""
    at: str = ""


@dataclass(frozen=True)
class Table:
    """All that an edge is told: routes, who may come in, pages for errors, a team's own part."""

    routes: tuple[Route, ...] = ()
    guards: tuple[Guard, ...] = ()
    pages: Mapping[str, str] = field(default_factory=dict)  # by status, 404 or 5xx
    fragment: tuple[Record, ...] = ()  # routes of Caddy, made of its Caddyfile
    https_only: bool = False  # also where a balancer ends TLS
    maintenance: Maintenance | None = None  # of no release: somebody has closed the environment

    @property
    def secrets(self) -> list[str]:
        """The secrets that hold the passwords of those who come in."""
        return sorted({secret for guard in self.guards for secret in guard.users.values()})

    def with_names(
        self,
        names: Mapping[str, str],
        others: Mapping[str, str] = NOTHING,
        canaries: Mapping[str, str] = NOTHING,
    ) -> "Table":
        """Return it with services called as they are on the network now, in another colour, and
        in a canary's."""
        routes = [
            replace(
                route,
                name=names.get(route.name, route.name),
                other=others.get(route.name, ""),
                canary=canaries.get(route.name, ""),
            )
            for route in self.routes
        ]
        return replace(self, routes=tuple(routes), fragment=tuple(_renamed(self.fragment, names)))


def ordered(routes: Sequence[Route]) -> list[Route]:
    """Put the narrower route first: the edge asks them in this order.

    One for hosts comes before one for all, a path without a star before one with, then the longer
    path, then more conditions, then fewer methods; what is equal stays in the order of the file.
    """

    def width(route: Route) -> tuple[object, ...]:
        hosts = 2 if not route.hosts else int(any(host.startswith("*") for host in route.hosts))
        conditions = len(route.match_headers) + bool(route.methods)
        rest = -conditions, len(route.methods), route.path
        return hosts, "*" in route.path, -len(route.path), *rest

    return sorted(routes, key=width)


def winner(routes: Sequence[Route], request: Request) -> Route | None:
    """Return the route that takes a request; `routes` are in order."""
    return next((route for route in routes if route.takes(request)), None)


def reaching(routes: Sequence[Route], route: Route, host: str) -> Request | None:
    """Return a request to this host that this route takes, and none of those before it."""
    reached = (probe for probe in route.probes(host) if winner(routes, probe) is route)
    return next(reached, None)


def asked_hosts(route: Route, names: Sequence[str]) -> list[str]:
    """Return under which names a route is asked: its own, else every one that is served."""
    return [bare(host) for host in route.hosts or names or ["localhost"]]


def bare(host: str) -> str:
    """Return one of the names that a star stands for, which no route has for itself."""
    return host.replace("*", PROBE)


def covers(pattern: str, host: str) -> bool:
    """Whether a name, perhaps with a star in front, is or holds another."""
    pattern, host = pattern.lower(), host.lower()
    if not pattern.startswith("*."):
        return pattern == host
    return host == pattern or host.partition(".")[2] == pattern[2:]


def _fits(pattern: str, path: str) -> bool:
    pattern, path = pattern.lower(), path.lower()
    if "*" not in pattern[:-1]:
        stem = pattern.removesuffix("*")
        return path.startswith(stem) if pattern.endswith("*") else path == pattern
    parts, others = pattern.split("/"), path.split("/")  # a star inside stands for no slash
    return len(parts) == len(others) and all(map(fnmatch.fnmatchcase, others, parts))


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Call the services that a team's own part of the configuration names by their names now."""
    if isinstance(value, list | tuple):
        return [_renamed(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _renamed(each, names) for key, each in value.items()}
    host, colon, port = str(value.get("dial", "")).rpartition(":")
    return changed | {"dial": f"{names[host]}{colon}{port}"} if host in names else changed
