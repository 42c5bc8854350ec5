"""The labels by which a compose file says a service's part in a deploy."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from slipway.releases.compose_keys import Finding
from slipway.suggest import nearest

Role = Literal["colour", "data", "ops", "edge", "job"]
ROLES: tuple[str, ...] = get_args(Role)
ROUTE = re.compile(r"/[^\s,]*")  # one path, where a * stands for anything; of two none would match
WORDS = ["slipway.role", "slipway.route", "slipway.port", "slipway.pitr-secrets"]


def of(spec: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the labels of a service that are meant for a deploy and for whoever reads them."""
    return (spec.get("deploy") or {}).get("labels") or {}


def check(model: Mapping[str, Any]) -> Iterator[Finding]:
    """Find services whose part in a deploy is unclear, and routes that two of them share."""
    routes: dict[str, str] = {}
    for name, spec in sorted(model.get("services", {}).items()):
        above = ("services", name, "deploy", "labels")
        for key, text in _check(of(spec)):
            yield Finding((*above, key), text)
        if "image" not in spec:
            yield Finding(("services", name), f"names no image; write image: ${{PROJECT}}/{name}")
        route = of(spec).get("slipway.route", "")
        other = routes.setdefault(route, name)
        if route and other != name:
            text = f"services {other} and {name} share a route: {route}"
            yield Finding((*above, "slipway.route"), text)


def _check(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key in labels:
        if key.startswith("slipway.") and key not in WORDS:
            yield key, f"unknown label {key}{nearest(key, WORDS)}"
    role = labels.get("slipway.role")
    if role not in ROLES:
        yield "slipway.role", f"slipway.role must be one of {', '.join(ROLES)}, not {role}"
    route, port = labels.get("slipway.route", ""), labels.get("slipway.port", "0")
    if route and not (route.startswith("/") and port.isdecimal() and int(port)):
        yield "slipway.route", "a route starts with / and needs slipway.port"
    elif route and not ROUTE.fullmatch(route):
        text = f"{route[:60]!a} is no path; write one, such as /api/*"
        yield "slipway.route", f"{text}, and give another service the next"
    elif not port.isdecimal():
        yield "slipway.port", f"{port[:60]!a} is no port"
