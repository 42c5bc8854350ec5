"""The routes of one release as Caddy takes them, with all that belongs to a request of theirs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.edge import canary, error_pages, guards, handlers, headers, maintenance
from slipway.edge.routes import Table, ordered
from slipway.environments import domains, proxies

MARK = "X-Route"

Config = dict[str, Any]
Handler = dict[str, Any]


@dataclass(frozen=True)
class RouteSet:
    """The routes of one release, with the settings that belong to them; `ident` names them."""

    ident: str
    table: Table
    settings: Mapping[str, str]
    drain_seconds: int
    is_marked: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return domains.split(self.settings["DOMAIN"])

    @property
    def is_secure(self) -> bool:
        """Whether users come by HTTPS alone."""
        return self.settings["TLS"] != "off" or self.table.https_only

    @property
    def can_share(self) -> bool:
        """Whether a canary may answer some of the requests."""
        return any(route.canary for route in self.table.routes)

    def errors(self) -> list[Handler]:
        """Return what answers errors."""
        return [*headers.of_errors(self.settings), *error_pages.of(self.table.pages)]

    def answers(self, *, chooses: bool = True) -> list[Handler]:
        """Return what answers requests; with `chooses`, a canary that has the same routes too."""
        table, settings = self.table, self.settings
        has_own_limits = any(route.max_body is not None for route in table.routes)
        limits = handlers.body_limit(0 if has_own_limits else handlers.general_limit(settings))
        can_share = chooses and self.can_share
        digest = self.ident.rpartition("-")[2]
        taken = [
            *_own(self.ident, settings),
            _request_id(),
            *(_to_https(settings) if table.https_only and settings["TLS"] == "off" else []),
            *maintenance.of(table.maintenance, table.pages),
            *guards.of(table.guards),
            *table.fragment,
            *(canary.choose(digest, is_secure=self.is_secure) if can_share else []),
            *_routes(self, limit=has_own_limits),
            error_pages.nothing(bool(table.routes), table.pages),
        ]
        names = self.names
        return [
            *headers.of_answers(settings, self.ident),
            *([{"handle": limits}] if limits else []),
            *([for_domains(names, taken), error_pages.nothing(True, {})] if names else taken),
        ]


def _routes(served: RouteSet, *, limit: bool) -> Iterator[Handler]:
    """Return the routes, the narrower first, so that /* takes what is left."""
    for route in ordered(served.table.routes):
        handler = handlers.of(route, served.settings, served.drain_seconds, limit=limit)
        if served.is_marked:
            mark = {"handler": "headers", "response": {"set": {MARK: [route.label]}}}
            handler["handle"].insert(0, mark)
        yield handler


def _own(ident: str, settings: Mapping[str, str]) -> list[Handler]:
    """Answer for the edge itself: to a load balancer, and to whoever knows its routes already."""
    request: Config = {"path": [headers.UP]}
    answer = _text("{file./tmp/serving}\n", request)
    if headers.shows_release(settings):
        return [answer]
    knowing = request | {"header": {headers.KEY: [ident]}}
    return [answer | {"match": [knowing]}, _text("up\n", request)]


def _text(body: str, request: Config) -> Handler:
    answer = {"handler": "static_response", "status_code": 200, "body": body}
    return {"match": [request], "handle": [answer | {"headers": headers.OWN}], "terminal": True}


def _to_https(settings: Mapping[str, str]) -> list[Handler]:
    """Send those to HTTPS who came to a balancer without it."""
    trusted = proxies.split(settings.get("TRUSTED_PROXIES", ""))
    condition = {
        "remote_ip": {"ranges": list(trusted)},
        "header": {"X-Forwarded-Proto": ["http"]},
    }
    answer = {
        "handler": "static_response",
        "status_code": 308,
        "headers": {"Location": ["https://{http.request.host}{http.request.uri}"]},
    }
    return [{"match": [condition], "handle": [answer], "terminal": True}] if trusted else []


def _request_id() -> Handler:
    """Give a request an id unless it brought one; the services log it and send it back."""
    return {
        "match": [{"not": [{"header": {"X-Request-Id": ["*"]}}]}],
        "handle": [
            {
                "handler": "headers",
                "request": {"set": {"X-Request-Id": ["{http.request.uuid}"]}},
            }
        ],
    }


def for_domains(domains: Sequence[str], handlers: Sequence[Handler]) -> Handler:
    """Have these handlers answer under some names alone."""
    return {
        "match": [{"host": list(domains)}],
        "handle": [{"handler": "subroute", "routes": list(handlers)}],
        "terminal": True,
    }
