"""The edge's configuration as Caddy takes it, made from routes by a pure function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.environments import domains

DIAL_TIMEOUT = "1s"  # a host that lost power does not answer; the next replica is tried
TRY_DURATION = "5s"  # a request waits this long for a replica that takes it
# A machine that is lost acknowledges nothing. Linux asks first after 15 s, then nine times: by then
# the Swarm has given the machine up too. A request that only takes long is not touched.
PROBE_INTERVAL = "2s"
RETRY_AFTER = "2"
RESPONSE_SECONDS = 600  # for a project that does not set RESPONSE_TIMEOUT; browsers wait for 300

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
    proxies = [_proxy(route, drain_seconds, limits) for route in ordered]
    handlers = [_own(), _request_id(), *proxies, _nothing(bool(routes))]
    main: Config = {
        "@id": ident,
        "listen": [":8443" if tls else ":8080"],
        "routes": [_for_domains(names, handlers), _nothing(True)] if names else handlers,
        "errors": {"routes": [_unavailable()]},
        "logs": {},
    }
    if not tls:
        main["automatic_https"] = {"disable": True}
    apps: Config = {"http": {"http_port": 8080, "https_port": 8443, "servers": {"main": main}}}
    if settings["TLS"] == "internal":
        apps["tls"] = {"automation": {"policies": [{"issuers": [{"module": "internal"}]}]}}
        apps["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    return {
        "admin": {"listen": "127.0.0.1:2019", "config": {"persist": False}},
        "logging": {"logs": {"default": {"encoder": {"format": "json"}, "level": "INFO"}}},
        "storage": {"module": "file_system", "root": "/data/caddy"},
        "apps": apps,
    }


def _own() -> Handler:
    """Answer for the edge itself, for a load balancer in front of the machines."""
    return {
        "match": [{"path": ["/_edge/up"]}],
        "handle": [
            {"handler": "static_response", "status_code": 200, "body": "{file./tmp/serving}\n"}
        ],
        "terminal": True,
    }


def _nothing(deployed: bool) -> Handler:
    """Answer what no route takes; Caddy itself would say 200 with no body."""
    status, text = (404, "No such page.") if deployed else (503, "Nothing is deployed here yet.")
    headers = {"Content-Type": ["application/json"]}
    if not deployed:
        headers["Retry-After"] = [RETRY_AFTER]
    body = f'{{"error":"{text}"}}'
    response = {"handler": "static_response", "status_code": status, "body": body}
    return {"handle": [response | {"headers": headers}]}


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
