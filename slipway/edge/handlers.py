"""What Caddy does with the requests of one route, as its configuration says it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from slipway.edge import canary, headers
from slipway.edge.routes import Route

DIAL_TIMEOUT = "1s"  # a host that lost power does not answer; the next replica is tried
TRY_SECONDS = 5  # a request waits this long for a replica that takes it
# A machine that is lost acknowledges nothing. Linux asks first after 15 s, then nine times: by then
# the Swarm has given the machine up too. A request that only takes long is not touched.
PROBE_INTERVAL = "2s"
CLIENT = "{http.vars.client_ip}"
RESPONSE_SECONDS = 600  # for a project that does not set RESPONSE_TIMEOUT; browsers wait for 300
MEGABYTE = 1_000_000
# Event streams are none of them: what is compressed is held back until there is enough of it.
COMPRESSED = (
    *("text/html*", "text/css*", "text/plain*", "text/javascript*", "text/xml*", "text/csv*"),
    *("application/json*", "application/javascript*", "application/xml*", "application/wasm*"),
    *("application/manifest+json*", "application/ld+json*", "application/rss+xml*"),
    *("application/atom+xml*", "image/svg+xml*", "font/ttf*", "font/otf*"),
)
STICKY = "sticky"  # the name of the cookie

Handler = dict[str, Any]
ADD_SLASH: Handler = {"handler": "rewrite", "path_regexp": [{"find": "$", "replace": "/"}]}


def of(route: Route, settings: Mapping[str, str], drain_seconds: int, *, limit: bool) -> Handler:
    """Return a route as Caddy takes it; with `limit` it holds the limit of bodies itself."""
    before = [*_of_answers(route), *_of_requests(route, settings, limit=limit)]
    if route.redirect:
        answer = [*_rest(route), _answer(route.status, {"Location": [_location(route)]})]
    elif route.name:
        answer = [
            *_to_folder(route),
            *_rewritten(route),
            *_to_service(route, settings, drain_seconds),
        ]
    else:
        fields = {"Content-Type": [route.content_type], **headers.TYPED}
        answer = [_answer(200, fields) | {"body": verbatim(route.text)}]
    return {"match": [matcher(route)], "handle": [*before, *answer], "terminal": True}


def matcher(route: Route) -> Handler:
    """Return the conditions of a route."""
    conditions: Handler = {"path": route.paths}
    if route.hosts:
        conditions["host"] = list(route.hosts)
    if route.methods:
        conditions["method"] = list(route.methods)
    if route.match_headers:
        conditions["header"] = {
            key: [verbatim(value)] for key, value in route.match_headers.items()
        }
    return conditions


def verbatim(text: str) -> str:
    """Write a text so that Caddy fills in nothing."""
    return text.replace("{", "\\{")


def body_limit(most: int) -> list[Handler]:
    return [{"handler": "request_body", "max_size": most}] if most else []


def general_limit(settings: Mapping[str, str]) -> int:
    """Return how many bytes a body may have where its route does not say so."""
    return int(settings.get("MAX_BODY_MB", "0")) * MEGABYTE


def _answer(status: int, fields: Mapping[str, list[str]]) -> Handler:
    return {"handler": "static_response", "status_code": status, "headers": dict(fields)}


def _of_requests(route: Route, settings: Mapping[str, str], *, limit: bool) -> Iterator[Handler]:
    if limit or route.max_body is not None:
        most = general_limit(settings) if route.max_body is None else route.max_body
        yield from body_limit(most)
    if route.trailing_slash:
        yield {"handler": "subroute", "routes": [_trailing_slash(route.trailing_slash)]}


def _of_answers(route: Route) -> Iterator[Handler]:
    """Compress answers and set their headers; those of a service are overridden."""
    if route.compress:
        yield {
            "handler": "encode",
            "encodings": {"zstd": {}, "gzip": {}},
            "prefer": ["zstd", "gzip"],
            "match": {"headers": {"Content-Type": list(COMPRESSED)}},
        }
    if route.cache:
        value: Handler = {"set": {"Cache-Control": [route.cache]}, "deferred": True}
        yield {"handler": "headers", "response": value | {"require": {"status_code": [2, 304]}}}
    if route.response_headers:
        operations = _operations(route.response_headers)
        yield {"handler": "headers", "response": {**operations, "deferred": True}}


def _operations(headers_set: Mapping[str, str | None]) -> Handler:
    """Set headers, and take out those without a value."""
    values = {key: [verbatim(value)] for key, value in headers_set.items() if value is not None}
    gone = [key for key, value in headers_set.items() if value is None]
    return {**({"set": values} if values else {}), **({"delete": gone} if gone else {})}


def _trailing_slash(style: str) -> Handler:
    """Lead to the one way of writing a path; what changes something is left alone."""
    condition: Handler = {"method": ["GET", "HEAD"]}
    if style == "remove":
        condition |= {"path": ["*/"], "not": [{"path": ["/"]}]}
        change: Handler = {"handler": "rewrite", "strip_path_suffix": "/"}
    else:  # what has a dot in its last part is a file
        condition |= {"path_regexp": {"pattern": "/[^/.]+$"}}
        change = ADD_SLASH
    answer = _answer(301, {"Location": ["{http.request.uri}"]})
    return {"match": [condition], "handle": [change, _one_slash(), answer], "terminal": True}


def _one_slash() -> Handler:
    """Begin a path with one slash: with two, or a backslash, it would be another host's."""
    return {"handler": "rewrite", "path_regexp": [{"find": r"^[/\\]+", "replace": "/"}]}


def _rest(route: Route) -> list[Handler]:
    """Leave of the path what its star stands for, where that is condition for."""
    if "{rest}" not in route.redirect + route.rewrite:
        return []
    stem = route.path.removesuffix("/*")
    strip = [{"handler": "rewrite", "strip_path_prefix": stem}] if stem else []
    return [*strip, _one_slash()]


def _location(route: Route) -> str:
    words = {
        "/{rest}": "{http.request.uri}",
        "{uri}": "{http.request.uri}",
        "{host}": "{http.request.host}",
        "{query}": "{http.request.uri.query}",
    }
    return _filled(route.redirect, words)


def _rewritten(route: Route) -> list[Handler]:
    if route.strip:
        return [{"handler": "rewrite", "strip_path_prefix": route.strip}]
    if not route.rewrite:
        return []
    path = "{http.request.uri.path}"
    uri = _filled(route.rewrite, {"/{rest}": path, "{path}": path})
    return [*_rest(route), {"handler": "rewrite", "uri": uri}]


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _to_folder(route: Route) -> Iterator[Handler]:
    """Lead from a folder's name to the folder, or links in its pages would miss it."""
    if route.is_static and route.strip.strip("/"):
        bare = {"path": [route.strip.rstrip("/")]}
        handle = [ADD_SLASH, _answer(308, {"Location": ["{http.request.uri}"]})]
        leading = {"match": [bare], "handle": handle, "terminal": True}
        yield {"handler": "subroute", "routes": [leading]}


def _to_service(route: Route, settings: Mapping[str, str], drain_seconds: int) -> list[Handler]:
    """Pass a request on, and count it; that of a canary's visitor goes to the other colour."""
    to_service = [canary.mark(canary.SERVICE), _proxy(route, settings, drain_seconds)]
    if not route.canary:
        return to_service
    new = replace(route, name=route.canary, other=route.name)
    to_canary = [canary.mark(canary.CANARY), _proxy(new, settings, drain_seconds)]
    routes = [
        {"match": [canary.is_visitor()], "handle": to_canary, "terminal": True},
        {"handle": to_service},
    ]
    return [{"handler": "subroute", "routes": routes}]


def _proxy(route: Route, settings: Mapping[str, str], drain_seconds: int) -> Handler:
    # A replica that is frozen soon has more open requests than the others.
    policy: Handler = {"policy": "least_conn"}
    if route.sticky:
        policy = {"policy": "cookie", "name": STICKY, "fallback": policy}
    own = _operations(route.request_headers)
    # One address, whoever stood between: what a client writes there itself is gone.
    addresses = {"X-Forwarded-For": [CLIENT], "X-Real-Ip": [CLIENT]}
    proxy: Handler = {
        "handler": "reverse_proxy",
        "dynamic_upstreams": {
            "source": "a",
            "name": route.name,
            "port": str(route.port),
            "refresh": "1s",
            "versions": {"ipv4": True},
        },
        "headers": {
            "request": {
                "set": {**own.get("set", {}), **addresses},
                "delete": [*own.get("delete", []), "Forwarded"],
            }
        },
        "load_balancing": {
            "selection_policy": policy,
            "try_duration": f"{min(TRY_SECONDS, route.timeout or TRY_SECONDS)}s",
            "try_interval": "100ms",
        },
        **_remembered_failures(route),
        "transport": {
            "protocol": "http",
            "dial_timeout": DIAL_TIMEOUT,
            **_time_limit(route, settings),
            "keep_alive": {
                "probe_interval": PROBE_INTERVAL,
                "idle_timeout": "30s",
                "max_idle_conns_per_host": 64,
            },
        },
        "stream_close_delay": f"{drain_seconds}s",
    }
    if route.is_static and route.strip:
        # It leads from a folder's name to its files, and does not know what was taken off.
        back = {"search_regexp": "^/", "replace": f"{route.strip.rstrip('/')}/"}
        proxy["headers"]["response"] = {"replace": {"Location": [back]}}
    if route.intercept:
        error = {"handler": "error", "status_code": "{http.reverse_proxy.status_code}"}
        seen = {"status_code": list(route.intercept)}
        proxy["handle_response"] = [{"match": seen, "routes": [{"handle": [error]}]}]
    if route.assets and route.other:
        proxy.setdefault("handle_response", []).append(_of_other_colour(route, proxy))
    return proxy


def _of_other_colour(route: Route, proxy: Handler) -> Handler:
    """Ask the other colour for what this one does not have; where that is away, it is a 404.

    A page that was open before a cutover asks for the files that it was built with.
    """
    balancing = {k: v for k, v in proxy["load_balancing"].items() if not k.startswith("try_")}
    upstreams = proxy["dynamic_upstreams"] | {"name": route.other}
    plain = {k: v for k, v in proxy.items() if k not in ("handle_response", "health_checks")}
    plain |= {"dynamic_upstreams": upstreams, "load_balancing": balancing}
    answer = {"handle": [{"handler": "copy_response"}]}
    try_it = {
        "handler": "subroute",
        "routes": [{"handle": [plain]}],
        "errors": {"routes": [answer]},
    }
    reads = {"match": [{"method": ["GET", "HEAD"]}], "handle": [try_it], "terminal": True}
    return {"match": {"status_code": [404]}, "routes": [reads, answer]}


def _remembered_failures(route: Route) -> Handler:
    """Leave a replica alone that failed; one that was late for a limit of a route has not."""
    passive = {"passive": {"fail_duration": "5s", "max_fails": 1}}
    return {} if route.timeout else {"health_checks": passive}


def _time_limit(route: Route, settings: Mapping[str, str]) -> Handler:
    """Limit the time until a response begins, after which a replica counts as frozen.

    Caddy's limits of reading and writing would end what is well: quiet streams, and uploads of a
    known length, whose body it copies past the deadline that their head has set.
    """
    seconds = route.timeout
    if seconds is None:
        seconds = int(settings.get("RESPONSE_TIMEOUT", RESPONSE_SECONDS))
    return {"response_header_timeout": f"{seconds}s"} if seconds else {}
