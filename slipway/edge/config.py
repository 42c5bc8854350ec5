"""The edge's configuration as Caddy takes it, made from routes by a pure function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.edge import headers
from slipway.environments import domains, proxies

DIAL_TIMEOUT = "1s"  # a host that lost power does not answer; the next replica is tried
TRY_DURATION = "5s"  # a request waits this long for a replica that takes it
# A machine that is lost acknowledges nothing. Linux asks first after 15 s, then nine times: by then
# the Swarm has given the machine up too. A request that only takes long is not touched.
PROBE_INTERVAL = "2s"
RETRY_AFTER = "2"
CLIENT = "{http.vars.client_ip}"
RESPONSE_SECONDS = 600  # for a project that does not set RESPONSE_TIMEOUT; browsers wait for 300
HEADER_BYTES = 32 * 1024
# How long a client may take for the head of a request, and keep a connection it does not use.
PATIENCE: Mapping[str, Any] = {
    "read_header_timeout": "10s",
    "idle_timeout": "2m",
    "max_header_bytes": HEADER_BYTES,
}
MEGABYTE = 1_000_000

Config = dict[str, Any]
Handler = dict[str, Any]


@dataclass(frozen=True)
class Route:
    """Paths of one service and where its replicas are found: a DNS name on the edge network."""

    path: str
    name: str
    port: int


def configure(
    ident: str, routes: Sequence[Route], settings: Mapping[str, str], drain_seconds: int
) -> Config:
    """Return the whole configuration; `ident` can be read back once it is loaded."""
    names = list(domains.split(settings["DOMAIN"]))
    tls = settings["TLS"] != "off"
    # The longest path first, so that /* takes what is left.
    ordered = sorted(routes, key=lambda route: (-len(route.path), route.path))
    limits = _limits(settings)
    to_services = [_proxy(route, drain_seconds, limits) for route in ordered]
    handlers = [*_own(ident, settings), _request_id(), *to_services, _nothing(bool(routes))]
    main: Config = {
        "@id": ident,
        "listen": [":8443" if tls else ":8080"],
        **PATIENCE,
        **_trust(settings),
        "routes": [
            *headers.of_answers(settings, ident),
            *_body_limit(settings),
            *([_for_domains(names, handlers), _nothing(True)] if names else handlers),
        ],
        "errors": {"routes": [*headers.of_errors(settings), _unavailable()]},
        "logs": {},
    }
    servers = {"main": main}
    if tls:
        main["protocols"] = ["h1", "h2"]  # HTTP/3 would be announced, and no port of it is open
        servers["plain"] = _redirecting(names, settings)
    else:
        main["automatic_https"] = {"disable": True}
    apps: Config = {"http": {"http_port": 8080, "https_port": 8443, "servers": servers}}
    if settings["TLS"] == "internal":
        apps["tls"] = {"automation": {"policies": [{"issuers": [{"module": "internal"}]}]}}
        apps["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    return {
        "admin": {"listen": "127.0.0.1:2019", "config": {"persist": False}},
        "logging": {"logs": {"default": {"encoder": {"format": "json"}, "level": "INFO"}}},
        "storage": {"module": "file_system", "root": "/data/caddy"},
        "apps": apps,
    }


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
    """Send those who come without TLS to where it is; Caddy solves ACME's challenges itself."""
    port = settings.get("HTTPS_PORT", "443")
    place = "https://{http.request.host}" + ("" if port == "443" else f":{port}")
    redirect = {
        "handler": "static_response",
        "status_code": 308,
        "headers": {"Location": [f"{place}{{http.request.uri}}"], "Connection": ["close"]},
    }
    careful = headers.of_errors(settings)
    routes = [_for_domains(names, [{"handle": [redirect]}]), _nothing(True)]
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


def _body_limit(settings: Mapping[str, str]) -> list[Handler]:
    most = int(settings.get("MAX_BODY_MB", "0")) * MEGABYTE
    return [{"handle": [{"handler": "request_body", "max_size": most}]}] if most else []


def _nothing(deployed: bool) -> Handler:
    """Answer what no route takes; Caddy itself would say 200 with no body."""
    status, text = (404, "No such page.") if deployed else (503, "Nothing is deployed here yet.")
    fields = {**headers.OWN, "Content-Type": ["application/json"]}
    if not deployed:
        fields["Retry-After"] = [RETRY_AFTER]
    body = f'{{"error":"{text}"}}'
    response = {"handler": "static_response", "status_code": status, "body": body}
    return {"handle": [response | {"headers": fields}]}


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


def _limits(settings: Mapping[str, str]) -> Config:
    """Limit the time until a response begins, after which a replica counts as frozen.

    Caddy's limits of reading and writing would end what is well: quiet streams, and uploads of a
    known length, whose body it copies past the deadline that their head has set.
    """
    seconds = int(settings.get("RESPONSE_TIMEOUT", RESPONSE_SECONDS))
    return {"response_header_timeout": f"{seconds}s"} if seconds else {}


def _proxy(route: Route, drain_seconds: int, limits: Config) -> Handler:
    return {
        "match": [{"path": _paths(route.path)}],
        "handle": [
            {
                "handler": "reverse_proxy",
                "dynamic_upstreams": {
                    "source": "a",
                    "name": route.name,
                    "port": str(route.port),
                    "refresh": "1s",
                    "versions": {"ipv4": True},
                },
                # One address, whoever stood between: what a client writes there itself is gone.
                "headers": {
                    "request": {
                        "set": {"X-Forwarded-For": [CLIENT], "X-Real-Ip": [CLIENT]},
                        "delete": ["Forwarded"],
                    }
                },
                "load_balancing": {
                    # A replica that is frozen soon has more open requests than the others.
                    "selection_policy": {"policy": "least_conn"},
                    "try_duration": TRY_DURATION,
                    "try_interval": "100ms",
                },
                "health_checks": {"passive": {"fail_duration": "5s", "max_fails": 1}},
                "transport": {
                    "protocol": "http",
                    "dial_timeout": DIAL_TIMEOUT,
                    **limits,
                    "keep_alive": {
                        "probe_interval": PROBE_INTERVAL,
                        "idle_timeout": "30s",
                        "max_idle_conns_per_host": 64,
                    },
                },
                "stream_close_delay": f"{drain_seconds}s",
            }
        ],
        "terminal": True,
    }


def _paths(path: str) -> list[str]:
    """`/api/*` also means `/api` itself."""
    return [path, path.removesuffix("/*")] if path.endswith("/*") and path != "/*" else [path]


def _for_domains(domains: Sequence[str], handlers: Sequence[Handler]) -> Handler:
    return {
        "match": [{"host": list(domains)}],
        "handle": [{"handler": "subroute", "routes": list(handlers)}],
        "terminal": True,
    }


def _unavailable() -> Handler:
    """Say “try again” instead of an empty error when no replica answers."""
    return {
        "match": [{"expression": "{http.error.status_code} in [502, 503, 504]"}],
        "handle": [
            {
                "handler": "static_response",
                "status_code": 503,
                "headers": {
                    "Retry-After": [RETRY_AFTER],
                    "Content-Type": ["application/json"],
                },
                "body": '{"error":"The service is not available right now; try again."}',
            }
        ],
    }
