"""Who may come in at all, as Caddy's configuration says it; the edge knows passwords as hashes.

The edge's container gets a password as a secret and hashes it when it starts; the configuration,
which a signpost shows to every edge, names the file with the hash.
"""

from collections.abc import Sequence
from typing import Any

from slipway.edge.routes import Guard, Route

HASH = "{{file./tmp/hash.{}}}"  # as compose/edge/edge writes it
HASHING: dict[str, object] = {"hash": {"algorithm": "bcrypt"}, "hash_cache": {}}

Handler = dict[str, Any]


def of(guards: Sequence[Guard]) -> list[Handler]:
    """Return what every request passes before it reaches a route."""
    return [
        {"match": [_matcher(guard)], "group": "guards", "handle": [_check(guard)]}
        for guard in guards
    ]


def _matcher(guard: Guard) -> Handler:
    paths = [path for each in guard.paths or ("/*",) for path in Route(each).paths]
    return {"path": paths, **({"host": list(guard.hosts)} if guard.hosts else {})}


def _check(guard: Guard) -> Handler:
    routes: list[Handler] = []
    stranger = {"not": [{"client_ip": {"ranges": list(guard.allow)}}]}
    if guard.allow and (guard.satisfy == "all" or not guard.users):
        routes.append({"match": [stranger], "handle": [{"handler": "error", "status_code": 403}]})
    if guard.users:
        condition = [stranger] if guard.allow and guard.satisfy == "any" else []
        routes.append({**({"match": condition} if condition else {}), "handle": _password(guard)})
    return {"handler": "subroute", "routes": routes}


def _password(guard: Guard) -> list[Handler]:
    accounts = [
        {"username": user, "password": HASH.format(secret)} for user, secret in guard.users.items()
    ]
    basic = {"accounts": accounts, "realm": "Restricted", **HASHING}
    # What is known here is nothing that a service should see, or log.
    known = {"handler": "headers", "request": {"delete": ["Authorization"]}}
    return [{"handler": "authentication", "providers": {"http_basic": basic}}, known]
