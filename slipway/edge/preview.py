"""The routes of a release tried at the edges before the cutover, under each domain."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway import shell_scripts
from slipway.edge import trials
from slipway.edge.config import configure
from slipway.edge.route_set import MARK, Config
from slipway.edge.routes import Route, Table
from slipway.edge.trials import Account, Trial

# Inside the edge's container, for as long as the routes are tried: where they are served, and
# where the script asks, as it can nothing but GET: a path for each request that is made of it.
SERVED, PORT = 8098, 8097
FOLDER = "@FOLDER@"  # the script writes its own name there
TRY = shell_scripts.read(__file__, "preview_try.sh")
ADDED = ("X-Forwarded-Proto", "X-Forwarded-Host", "Via", "User-Agent")
FOUND = ("status_code", f"header.{MARK}", "header.Location")


@dataclass(frozen=True)
class Preview:
    """Routes that a second Caddy serves for a moment, and what is asked of it.

    The document is the configuration in a line of its own, how many accounts there are, a user and
    a secret of each, then what is asked and what has to answer, a line each. It comes by a pipe: a
    shop with many names has more of it than a command may have words.
    """

    document: bytes
    count: int  # of requests

    @classmethod
    def of(cls, routes: Sequence[Route] | Table, settings: Mapping[str, str]) -> "Preview":
        table = routes if isinstance(routes, Table) else Table(tuple(routes))
        plain = {**settings, "TLS": "off"}
        config = configure("preview", table, plain, 0, is_marked=True)
        main = config["apps"]["http"]["servers"]["main"]
        main["listen"] = [f"127.0.0.1:{SERVED}"]
        main["trusted_proxies"] = {"source": "static", "ranges": ["127.0.0.1/32"]}
        main["client_ip_headers"] = ["X-Forwarded-For"]
        for proxy in _proxies(main):
            # Whatever a service answers, a redirection or an error, is replaced.
            named = {"handler": "static_response", "status_code": 200}
            proxy["load_balancing"]["try_duration"] = "1s"
            proxy["transport"].pop("response_header_timeout", None)
            proxy["rewrite"] = {"method": "GET"}  # nobody's data is changed
            proxy["handle_response"] = [{"routes": [{"handle": [named]}]}]
        requests = trials.of(table, settings)
        accounts = list(dict.fromkeys(trial.account for trial in requests if trial.account))
        config["apps"]["http"]["servers"]["asking"] = _asking(requests, accounts)
        config |= {"admin": {"disabled": True}, "logging": {}}
        del config["storage"]
        known = [word for account in accounts for word in (account.user, account.secret)]
        words = [word for trial in requests for word in (trial.about, trial.answer)]
        lines = [json.dumps(config), str(len(accounts)), *known, *words, ""]
        return cls("\n".join(lines).encode(), len(requests))


def _asking(requests: Sequence[Trial], accounts: Sequence[Account]) -> Config:
    return {
        "listen": [f"127.0.0.1:{PORT}"],
        "automatic_https": {"disable": True},
        "routes": [
            {
                "match": [{"path": [f"/{number}"]}],
                "handle": [
                    {
                        "handler": "rewrite",
                        "method": trial.request.method,
                        "uri": trial.request.path,
                    },
                    _proxy(trial, accounts),
                ],
                "terminal": True,
            }
            for number, trial in enumerate(requests)
        ],
    }


def _proxy(trial: Trial, accounts: Sequence[Account]) -> Config:
    headers = {**trial.request.headers, "Host": trial.request.host, "X-Forwarded-For": trial.client}
    if trial.account:
        number = accounts.index(trial.account)
        headers["Authorization"] = f"Basic {{file.{FOLDER}/account.{number}}}"
    words = " ".join(f"{{http.reverse_proxy.{word}}}" for word in FOUND)
    report = {"handler": "static_response", "status_code": 200, "body": words}
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"127.0.0.1:{SERVED}"}],
        "headers": {
            "request": {
                "set": {key: [value] for key, value in headers.items()},
                # Nothing that a route might look for, and that nobody asked for.
                "delete": [name for name in ADDED if name not in headers],
            }
        },
        "handle_response": [{"routes": [{"handle": [report]}]}],
    }


def _proxies(value: Any) -> list[Config]:
    """Find the reverse proxies of a configuration that look for their service by its name."""
    if isinstance(value, list):
        return [each for one in value for each in _proxies(one)]
    if not isinstance(value, dict):
        return []
    if value.get("handler") == "reverse_proxy" and "dynamic_upstreams" in value:
        return [value]
    return [each for one in value.values() for each in _proxies(one)]
