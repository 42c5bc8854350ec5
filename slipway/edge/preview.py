"""The routes of a release tried at the edges before the cutover, under each domain."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slipway import shell_scripts
from slipway.edge.config import Config, Route, configure
from slipway.environments import domains

PORT = 8098  # inside the edge's container, for as long as the routes are tried
TRY = shell_scripts.read(__file__, "preview_try.sh")


@dataclass(frozen=True)
class Preview:
    """Routes that a second Caddy serves for a moment, and what is asked of it: words of three,
    a Host, a path and the service that has to answer."""

    document: bytes
    requests: Sequence[str]

    @classmethod
    def of(cls, routes: Sequence[Route], settings: Mapping[str, str]) -> "Preview":
        config = configure("preview", routes, {**settings, "TLS": "off"}, 0)
        main = config["apps"]["http"]["servers"]["main"]
        main["listen"] = [f"127.0.0.1:{PORT}"]
        for handler in _proxies(main):
            # Whatever a service answers, a redirection or an error, is replaced by its name.
            named = {"handler": "static_response", "status_code": 200, "body": handler["name"]}
            handler["proxy"]["load_balancing"]["try_duration"] = "1s"
            handler["proxy"]["handle_response"] = [{"routes": [{"handle": [named]}]}]
        config |= {"admin": {"disabled": True}, "logging": {}}
        del config["storage"]
        names = [name.replace("*", "www") for name in domains.split(settings["DOMAIN"])]
        requests = [
            word
            for name in names or ["localhost"]
            for route in routes
            for word in (name, route.path.removesuffix("*").replace("*", "x"), route.name)
        ]
        return cls(json.dumps(config).encode(), requests)


def _proxies(value: object) -> list[Config]:
    """Find the reverse proxies of a configuration, each with the name of its service."""
    if isinstance(value, list):
        return [each for one in value for each in _proxies(one)]
    if not isinstance(value, dict):
        return []
    if value.get("handler") == "reverse_proxy":
        return [{"proxy": value, "name": value["dynamic_upstreams"]["name"]}]
    return [each for one in value.values() for each in _proxies(one)]
