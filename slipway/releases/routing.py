"""The routes of an application: of its labels and of compose/routes.yml, read and checked."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from slipway.edge import caddy_program, route_checks, route_entries, route_records
from slipway.edge.config import configure
from slipway.edge.route_entries import Entries
from slipway.edge.routes import Record, Route, Table
from slipway.edge.routes_file import FILE, Backend, RoutesFile, Surroundings
from slipway.environments import domains, environment
from slipway.environments.environment import Environment
from slipway.errors import ConfigError
from slipway.hosts.host import Host
from slipway.images import dockerfile, sources
from slipway.releases.application import Application, Service

NETWORK = "edge"
MOST = 450_000  # bytes; a Swarm's config, by which a starting edge finds its routes, takes 500 KB
SERVING = ("colour", "data")  # roles whose services answer requests


@dataclass(frozen=True)
class Caddy:
    """Where Caddy is asked: an image of it on this computer."""

    host: Host
    image: str


def with_routes(env: Environment, app: Application, host: Host) -> Application:
    """Return the application with its routes, which its edge keeps in the record of a release.

    Raises ConfigError with every line of the file that is wrong.
    """
    _demand_network(app)
    path = env.compose / FILE
    edge = next(iter(app.of("edge")), None)
    if not path.is_file():
        return app
    if edge is None:
        raise ConfigError(f"compose/{FILE}: no service has the role edge, which would serve it")
    table = read(env, backends(app), labelled(app.of("colour")), caddy_of(app, host))
    if len(json.dumps(configure("", table, env.settings, 0))) > MOST:
        raise ConfigError(f"compose/{FILE}: {len(table.routes)} routes are more than an edge takes")
    secrets = [{"source": key, "target": key} for key in table.secrets]
    known = [each for each in edge.spec.get("secrets") or [] if each["source"] not in table.secrets]
    spec = {**edge.spec, "routes": route_records.write(table)}
    spec |= {"secrets": [*known, *secrets]} if secrets else {}
    services = [replace(one, spec=spec) if one is edge else one for one in app.services]
    return replace(app, services=tuple(_led_to(service, table) for service in services))


def _led_to(service: Service, table: Table) -> Service:
    """Return a service with the first route to it, where no label names one: it is asked too."""
    route = next((route for route in table.routes if route.name == service.name), None)
    if service.route or route is None:
        return service
    return replace(service, route=route.path, port=service.port or route.port)


def read(
    env: Environment,
    backends: Mapping[str, Backend],
    routes: Collection[Route],
    caddy: Caddy | None,
) -> Table:
    """Read the file, and ask Caddy about it where there is one. Raises ConfigError."""
    secrets = [rule.key for rule in env.rules.values() if rule.secret]
    known = environment.names(env.compose)
    around = Surroundings(env.name, known, env.settings, secrets, backends)
    file = RoutesFile(env.compose / FILE, around)
    entries = route_entries.read(file, list(routes))
    route_checks.check(file, entries, domains.split(env.settings.get("DOMAIN", "")))
    file.end()
    table = entries.table
    if entries.caddy_text:
        table = replace(table, fragment=_fragment(file, entries, caddy))
    if caddy:
        caddy_program.validate(caddy.host, caddy.image, configure("check", table, env.settings, 0))
    return table


def labelled(services: Collection[Service]) -> list[Route]:
    """Return the routes that labels of services name."""
    return [Route(each.route, each.name, each.port) for each in services if each.route]


def demand_secrets(env: Environment, table: Table, versions: Mapping[str, str]) -> None:
    """Raise ConfigError for a password that is nowhere: nobody could come in, or everybody."""
    for key in table.secrets:
        if key not in versions:
            file = f"secrets/{env.secrets_file.name}"
            raise ConfigError(
                f"{file}: {key} is missing, and compose/{FILE} lets people in with it; add it: "
                f"sops edit {file}"
            )


def backends(app: Application) -> dict[str, Backend]:
    """Return what routes may lead to."""
    return {service.name: _backend(service) for service in app.services}


def _backend(service: Service) -> Backend:
    if service.role not in SERVING:
        text = f"services.{service.name} has the role {service.role}; requests go to "
        return Backend(complaint=f"{text}{' and '.join(SERVING)}")
    if NETWORK not in (service.spec.get("networks") or {}):
        text = f"services.{service.name} is not on the network {NETWORK}; add it to its networks"
        return Backend(complaint=text)
    return Backend(service.port)


def _demand_network(app: Application) -> None:
    for service in app.of("colour"):
        if service.route and NETWORK not in (service.spec.get("networks") or {}):
            raise ConfigError(
                f"compose/compose.yml: services.{service.name} has a route and is not on the "
                f"network {NETWORK}; add it to its networks"
            )


def caddy_of(app: Application, host: Host) -> Caddy | None:
    """Return the image that the edge is built from, where this computer has it."""
    edge = next(iter(app.of("edge")), None)
    if edge is None:
        return None
    build = next((each for each in app.builds if each.service == edge.name), None)
    names = [edge.image]
    if build:
        names = dockerfile.bases_of(build.dockerfile, build.args, build.target)
    there = sources.inspect(host, names)
    return next((Caddy(host, name) for name in names if name in there), None)


def _fragment(file: RoutesFile, entries: Entries, caddy: Caddy | None) -> tuple[Record, ...]:
    if caddy is None:
        where = f"{file.name}:{file.lines.get(('caddy',), 1)}"
        raise ConfigError(
            f"{where}: Caddy, which checks {entries.caddy_file}, is not on this computer; "
            "run: inv bootstrap"
        )
    text, name = entries.caddy_text, entries.caddy_file
    return tuple(caddy_program.adapt(caddy.host, caddy.image, text, name))
