"""The edge's configuration as Caddy takes it, made from routes by a pure function."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slipway.edge import (
    canary,
    certificates,
    error_pages,
    guards,
    handlers,
    headers,
    http3,
    maintenance,
)
from slipway.edge.routes import Route, Table, ordered
from slipway.environments import domains, proxies

HEADER_BYTES = 32 * 1024
# How long a client may take for the head of a request, and keep a connection it does not use.
PATIENCE: Mapping[str, Any] = {
    "read_header_timeout": "10s",
    "idle_timeout": "2m",
    "max_header_bytes": HEADER_BYTES,
}

MARK = "X-Route"

Config = dict[str, Any]
Handler = dict[str, Any]


def configure(
    ident: str,
    routes: Sequence[Route] | Table,
    settings: Mapping[str, str],
    drain_seconds: int,
    *,
    is_marked: bool = False,
) -> Config:
    """Return the whole configuration; `ident` can be read back once it is loaded.

    With `is_marked` every answer says which route it is of, in a header.
    """
    table = routes if isinstance(routes, Table) else Table(tuple(routes))
    names = list(domains.split(settings["DOMAIN"]))
    tls = settings["TLS"] != "off"
    has_own_limits = any(route.max_body is not None for route in table.routes)
    limits = handlers.body_limit(0 if has_own_limits else handlers.general_limit(settings))
    taken = [
        *_own(ident, settings),
        _request_id(),
        *(_to_https(settings) if table.https_only and not tls else []),
        *maintenance.of(table.maintenance, table.pages),
        *guards.of(table.guards),
        *table.fragment,
        *canary.choose(table.routes, ident.rpartition("-")[2], is_secure=tls or table.https_only),
        *_routes(table, settings, drain_seconds, limit=has_own_limits, is_marked=is_marked),
        error_pages.nothing(bool(table.routes), table.pages),
    ]
    main: Config = {
        "@id": ident,
        "listen": [":8443" if tls else ":8080"],
        **PATIENCE,
        **_trust(settings),
        "routes": [
            *headers.of_answers(settings, ident),
            *([{"handle": limits}] if limits else []),
            *([_for_domains(names, taken), error_pages.nothing(True, {})] if names else taken),
        ],
        "errors": {"routes": [*headers.of_errors(settings), *error_pages.of(table.pages)]},
        "named_routes": canary.named_routes(),
        "logs": {},
    }
    servers = {"main": main}
    if tls:
        http3.serve(main, settings)
        servers["plain"] = _redirecting(names, settings)
    else:
        main["automatic_https"] = {"disable": True}
    apps: Config = {"http": {"http_port": 8080, "https_port": 8443, "servers": servers}}
    if settings.get("WATCH") != "0":  # counting takes 25 µs of a request
        apps["http"]["metrics"] = {}
    if certificates.are_shared(settings):
        certificates.show(main, apps, settings)
    if settings["TLS"] == "internal":
        apps["tls"] = {"automation": {"policies": [{"issuers": [{"module": "internal"}]}]}}
        apps["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    return {
        "admin": {"listen": "127.0.0.1:2019", "config": {"persist": False}},
        "logging": {"logs": {"default": {"encoder": {"format": "json"}, "level": "INFO"}}},
        "storage": {"module": "file_system", "root": "/data/caddy"},
        "apps": apps,
    }


def _routes(
    table: Table, settings: Mapping[str, str], drain_seconds: int, *, limit: bool, is_marked: bool
) -> Iterator[Handler]:
    """Return the routes, the narrower first, so that /* takes what is left."""
    for route in ordered(table.routes):
        handler = handlers.of(route, settings, drain_seconds, limit=limit)
        if is_marked:
            mark = {"handler": "headers", "response": {"set": {MARK: [route.label]}}}
            handler["handle"].insert(0, mark)
        yield handler


def _own(ident: str, settings: Mapping[str, str]) -> list[Handler]:
    """Answer for the edge itself: to a load balancer, and to whoever knows its routes already."""
    request: Config = {"path": ["/_edge/up"]}
    answer = _text("{file./tmp/serving}\n", request)
    if headers.shows_release(settings):
        return [answer]
    knowing = request | {"header": {headers.KEY: [ident]}}
    return [answer | {"match": [knowing]}, _text("up\n", request)]


def _text(body: str, request: Config) -> Handler:
    answer = {"handler": "static_response", "status_code": 200, "body": body}
    return {"match": [request], "handle": [answer | {"headers": headers.OWN}], "terminal": True}


def _redirecting(names: Sequence[str], settings: Mapping[str, str]) -> Config:
    """Send those who come without TLS to where it is, but for ACME's challenges."""
    port = settings.get("HTTPS_PORT", "443")
    place = "https://{http.request.host}" + ("" if port == "443" else f":{port}")
    redirect = {
        "handler": "static_response",
        "status_code": 308,
        "headers": {"Location": [f"{place}{{http.request.uri}}"], "Connection": ["close"]},
    }
    careful = headers.of_errors(settings)
    routes = [
        *certificates.challenges(settings),
        _for_domains(names, [{"handle": [redirect]}]),
        error_pages.nothing(True, {}),
    ]
    return {
        "listen": [":8080"],
        **PATIENCE,
        "routes": [*careful, *routes],
        "errors": {"routes": careful},
        "automatic_https": {"disable": True},
    }


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


def _trust(settings: Mapping[str, str]) -> Config:
    """Take a balancer's word on who its client is: the last address that is no balancer's."""
    trusted = proxies.split(settings.get("TRUSTED_PROXIES", ""))
    return (
        {
            "trusted_proxies": {"source": "static", "ranges": list(trusted)},
            "trusted_proxies_strict": 1,
            "client_ip_headers": ["X-Forwarded-For"],
        }
        if trusted
        else {}
    )


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


def _for_domains(domains: Sequence[str], handlers: Sequence[Handler]) -> Handler:
    return {
        "match": [{"host": list(domains)}],
        "handle": [{"handler": "subroute", "routes": list(handlers)}],
        "terminal": True,
    }
