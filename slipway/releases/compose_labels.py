"""The labels by which a compose file says a service's part in a deploy."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from slipway.releases import job_times, readiness
from slipway.releases.compose_keys import Finding
from slipway.suggest import nearest

Role = Literal["colour", "data", "ops", "edge", "certificates", "job"]
ROLES: tuple[str, ...] = get_args(Role)
ROUTE = re.compile(r"/[^\s,]*")  # one path, where a * stands for anything; of two none would match
WORDS = [
    *("slipway.role", "slipway.route", "slipway.port", "slipway.pitr-secrets"),
    *("slipway.secret-variables", readiness.LABEL, "slipway.phase", "slipway.console"),
    "slipway.warm",
    *(job_times.SCHEDULE, job_times.MISSED, job_times.TIMEOUT),
]


def of(spec: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the labels of a service that are meant for a deploy and for whoever reads them."""
    return (spec.get("deploy") or {}).get("labels") or {}


def check(model: Mapping[str, Any]) -> Iterator[Finding]:
    """Find services whose part in a deploy is unclear, and routes that two of them share."""
    routes: dict[str, str] = {}
    for name, spec in sorted(model.get("services", {}).items()):
        above = ("services", name, "deploy", "labels")
        for key, text in (*_check(of(spec)), *_check_ready(spec), *job_times.check(of(spec))):
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
    phase = labels.get("slipway.phase", "release")
    if phase != "release":
        yield "slipway.phase", f"{phase[:60]!a} is no phase; write release, or leave it out"
    elif "slipway.phase" in labels and role != "job":
        yield "slipway.phase", "only a service with role job runs in a phase"
    yield from _check_warm(labels)
    route, port = labels.get("slipway.route", ""), labels.get("slipway.port", "0")
    if route and not (route.startswith("/") and port.isdecimal() and int(port)):
        yield "slipway.route", "a route starts with / and needs slipway.port"
    elif route and not ROUTE.fullmatch(route):
        text = f"{route[:60]!a} is no path; write one, such as /api/*"
        yield "slipway.route", f"{text}; more of them stand in compose/routes.yml"
    elif not port.isdecimal():
        yield "slipway.port", f"{port[:60]!a} is no port"


def _check_warm(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if "slipway.warm" not in labels:
        return
    if labels["slipway.warm"] not in ("keep", "stop"):
        yield "slipway.warm", f"{labels['slipway.warm'][:60]!a} is neither keep nor stop"
    elif labels.get("slipway.role") != "colour":
        yield "slipway.warm", "only what is replaced by colour can be kept warm"


def _check_ready(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Find a question that cannot be asked."""
    labels = of(spec)
    route, port = labels.get("slipway.route", ""), labels.get("slipway.port", "")
    try:
        ready = readiness.of(labels, is_routed=bool(route))
    except ValueError as error:
        yield readiness.LABEL, f"{readiness.LABEL}: {error}"
        return
    if readiness.LABEL in labels and labels.get("slipway.role") != "colour":
        text = "only what is replaced by colour is asked; another service has its healthcheck"
        yield readiness.LABEL, text
    elif ready.is_asked_by_the_edge and not route:
        if "edge" not in (spec.get("networks") or {}):
            text = "the edge asks this, and the service is not on the network edge; add it there"
            yield readiness.LABEL, f"{text}, or write command: …"
        elif not (port or ready.port):
            yield readiness.LABEL, "names no port; write :8000/healthz or tcp:8000"
