"""The edge's configuration as Caddy takes it, made from routes by a pure function."""

from collections.abc import Mapping, Sequence
from typing import Any

from slipway.edge import canary, certificates, draw, error_pages, headers, http3
from slipway.edge.route_set import Config, Handler, RouteSet, for_domains
from slipway.edge.routes import Route, Table
from slipway.environments import proxies

HEADER_BYTES = 32 * 1024
# How long a client may take for the head of a request, and keep a connection it does not use.
PATIENCE: Mapping[str, Any] = {
    "read_header_timeout": "10s",
    "idle_timeout": "2m",
    "max_header_bytes": HEADER_BYTES,
}


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
    return configure_set(RouteSet(ident, table, settings, drain_seconds, is_marked))


def configure_set(served: RouteSet) -> Config:
    """Return the whole configuration for the routes of one release."""
    return _assemble(served, served.answers(), served.errors(), served.names)


def configure_both(serving: RouteSet, new: RouteSet, name: str) -> Config:
    """Return what serves as `serving` does, and to a canary's visitors, while it runs, as `new`.

    It goes by the name of what serves, and has one of its own, by which an edge is asked for it.
    """
    is_secure = serving.is_secure or new.is_secure
    answers = [
        *canary.choose(name, is_secure=is_secure, is_first=True),
        canary.for_visitors(new.answers(chooses=False)) | {"@id": canary.id_of(name)},
        *serving.answers(),
    ]
    if certificates.are_named_by_routes(serving.settings):
        answers += [{"match": [{"host": list(new.names)}], "handle": [canary.subroute([])]}]
    errors = [canary.for_visitors(new.errors()), *serving.errors()]
    return _assemble(serving, answers, errors, (*serving.names, *new.names))


def frame(settings: Mapping[str, str]) -> Config:
    """Return what of a configuration is of connections, and so the same for all visitors."""
    config = _assemble(RouteSet("", Table(), {**settings, "DOMAIN": ""}, 0), [], [], ())
    http = config["apps"]["http"]
    http.pop("metrics", None)
    for server in http["servers"].values():
        server.pop("routes")
        server.pop("errors", None)
    return config


def _assemble(
    served: RouteSet,
    answers: Sequence[Handler],
    errors: Sequence[Handler],
    names: Sequence[str],
) -> Config:
    """Return the configuration around routes, with TLS for these names."""
    settings, names = served.settings, list(dict.fromkeys(names))
    tls = settings["TLS"] != "off"
    main: Config = {
        "@id": served.ident,
        "listen": [":8443" if tls else ":8080"],
        **PATIENCE,
        **_trust(settings),
        "routes": list(answers),
        "errors": {"routes": list(errors)},
        "named_routes": canary.named_routes(can_share=served.can_share),
        "logs": {},
    }
    servers = {"main": main, **({"draw": draw.server()} if served.can_share else {})}
    if tls:
        http3.serve(main, settings)
        servers["plain"] = _redirecting(names, settings)
    else:
        main["automatic_https"] = {"disable": True}
    apps: Config = {"http": {"http_port": 8080, "https_port": 8443, "servers": servers}}
    if settings.get("WATCH") != "0":  # counting takes 25 µs of a request
        apps["http"]["metrics"] = {}
    if certificates.are_shared(settings):
        certificates.show(main, apps, names)
    if settings["TLS"] == "internal":
        apps["tls"] = {"automation": {"policies": [{"issuers": [{"module": "internal"}]}]}}
        apps["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    return {
        "admin": {"listen": "127.0.0.1:2019", "config": {"persist": False}},
        "logging": {"logs": {"default": {"encoder": {"format": "json"}, "level": "INFO"}}},
        "storage": {"module": "file_system", "root": "/data/caddy"},
        "apps": apps,
    }


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
        for_domains(names, [{"handle": [redirect]}]),
        error_pages.nothing(True, {}),
    ]
    return {
        "listen": [":8080"],
        **PATIENCE,
        "routes": [*careful, *routes],
        "errors": {"routes": careful},
        "automatic_https": {"disable": True},
    }


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
