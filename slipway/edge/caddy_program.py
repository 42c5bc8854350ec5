"""Caddy itself, asked on this computer about routes before anything is built."""

import json
import re
from collections.abc import Mapping
from typing import Any

from slipway.edge.route_set import Config
from slipway.edge.routes import Record
from slipway.errors import ConfigError, last_line
from slipway.hosts.host import CommandResult, Host

RUN = ("docker", "run", "--rm", "--interactive", "--network=none", "--read-only")
# Each takes a configuration of its own; only the directives of a site are a team's part.
ADDRESS = ":8080"
PLACE = re.compile(r"^(?:Error: )?.*?(?:stdin|Caddyfile|-):(\d+)(?: -)?:? *")
HASH = re.compile(r"\{file\./tmp/hash\.\w+\}")
SOME_HASH = "$2a$10$wyuv.mu/DgFWGvctuuxQXOKQc/7a7lBcOH4mCA5mh6h5vSZZ8VjKG"  # of no password in use


def adapt(host: Host, image: str, text: str, name: str) -> list[Record]:
    """Make Caddy's routes of directives in its own words. Raises ConfigError with file and line."""
    caddyfile = f"{ADDRESS} {{\n{text}\n}}\n"
    result = _ask(host, image, caddyfile, "adapt", "--adapter", "caddyfile")
    if result.code != 0:
        reason = last_line(result.err).removeprefix("Error: ")
        place = PLACE.match(reason)
        line = f":{max(1, int(place[1]) - 1)}" if place else ""
        reason = reason[place.end() :] if place else reason
        raise ConfigError(f"{name}{line}: Caddy does not understand it: {reason}")
    return _routes(json.loads(result.out), name)


def validate(host: Host, image: str, config: Config) -> None:
    """Have Caddy look at a whole configuration. Raises ConfigError with its own words."""
    text = HASH.sub(SOME_HASH, json.dumps(config))
    result = _ask(host, image, text, "validate")
    if result.code != 0:
        reason = last_line(result.err).removeprefix("Error: ")
        raise ConfigError(f"compose/routes.yml: Caddy refuses what is made of it: {reason}")


def _ask(host: Host, image: str, text: str, *words: str) -> CommandResult:
    argv = [*RUN, "--tmpfs=/tmp", "--env=HOME=/tmp", "--env=XDG_DATA_HOME=/tmp", image]
    argv += ["caddy", *words, "--config", "/dev/stdin"]
    return host.run(argv, stdin=text.encode(), timeout=60, check=False)


def _routes(adapted: Mapping[str, Any], name: str) -> list[Record]:
    """Return the routes of a site, where it has nothing else: the rest is the edge's own."""
    apps = adapted.get("apps", {})
    servers = list(apps.get("http", {}).get("servers", {}).values())
    beyond = [*(adapted.keys() - {"apps"}), *(apps.keys() - {"http"})]
    beyond += [key for server in servers for key in server.keys() - {"listen", "routes"}]
    if len(servers) > 1 or any(server["listen"] != [ADDRESS] for server in servers):
        beyond.append("another site")
    if beyond:
        raise ConfigError(
            f"{name}: it sets {', '.join(sorted(beyond))}, which is the edge's own; write only "
            "directives of a site, and pages for errors in routes.yml"
        )
    return [route for server in servers for route in server.get("routes", [])]
