"""The routes of the hacking loop: those of a deploy to dev, written where its edge finds them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from slipway import whole_file
from slipway.edge.config import configure
from slipway.edge.routes import Table
from slipway.edge.routes_file import FILE
from slipway.environments import environment, hacking
from slipway.environments.environment import Environment
from slipway.hosts.host import Host
from slipway.hosts.local import LocalHost
from slipway.project import STATE
from slipway.releases import compose_builds, compose_labels, routing
from slipway.releases.application import Application, Service

FOLDER = STATE / "dev" / "edge"  # mounted into the loop's edge
PASSWORDS = STATE / "dev" / "secrets"
IDENT = "loop"
# Whatever this computer is called by is served, in the open.
OPEN = {"DOMAIN": "", "TLS": "off", "HSTS_DAYS": "0", "TRUSTED_PROXIES": "", "SHOW_RELEASE": "on"}


def write(
    model: Mapping[str, Any] | None = None, folder: Path = FOLDER, passwords: Path = PASSWORDS
) -> dict[str, int]:
    """Write them; return the services that they lead to, each with its port.

    `model` is what Compose makes of the loop's files. Caddy sees it when the file changes.
    Raises ConfigError with what is wrong in them.
    """
    env = environment.load("dev")
    env = replace(env, settings=MappingProxyType({**env.settings, **OPEN}))
    table = read(env, hacking.model(env.compose) if model is None else model, LocalHost())
    config = configure(IDENT, table, env.settings, env.number("DRAIN_TIMEOUT"))
    # The edge's container reads them as another user.
    for place in (folder, folder / "secrets"):
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o755)
    for path in (folder / "secrets").iterdir():
        path.unlink()
    for name in table.secrets:  # of dev: the key to them is in the repository
        password = passwords / name
        data = password.read_bytes() if password.is_file() else b""
        whole_file.write(folder / "secrets" / name, data, mode=0o644)
    text = json.dumps(config, indent=1)
    path = folder / "routes.json"
    if not path.is_file() or path.read_text() != text:
        whole_file.write(path, text, mode=0o644)
    return {route.name: route.port for route in reversed(table.routes) if route.name}


def is_present(folder: Path = FOLDER) -> bool:
    """Whether routes are there."""
    return (folder / "routes.json").is_file()


def read(env: Environment, model: Mapping[str, Any], host: Host) -> Table:
    """Return the routes of the loop's services, as Compose merged their files."""
    services = tuple(_services(model))
    routes = routing.labelled([each for each in services if each.role == "colour"])
    if not (env.compose / FILE).is_file():
        return Table(tuple(routes))
    specs = model.get("services") or {}
    builds = tuple(
        compose_builds.read(name, spec) for name, spec in specs.items() if spec.get("build")
    )
    app = Application(services, builds)
    caddy = routing.caddy_of(app, host)
    return routing.read(env, routing.backends(app), routes, caddy)


def _services(model: Mapping[str, Any]) -> Iterator[Service]:
    for name, spec in sorted((model.get("services") or {}).items()):
        labels = compose_labels.of(spec)
        route, port = labels.get("slipway.route", ""), labels.get("slipway.port", "0")
        role: compose_labels.Role = labels.get("slipway.role", "job")  # type: ignore[assignment]
        yield Service(name, role, spec, route, int(port) if port.isdecimal() else 0)
