"""The application as its compose files describe it: services, their roles and routes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.edge import certificates
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, SlipwayError, listing
from slipway.images.sources import Build
from slipway.releases import (
    compose_builds,
    compose_env_files,
    compose_files,
    compose_hosts,
    compose_keys,
    compose_labels,
    compose_limits,
    compose_rules,
    compose_variables,
    mounts,
    networks,
    readiness,
    volume_labels,
)
from slipway.releases.compose_labels import Role
from slipway.releases.readiness import Readiness


@dataclass(frozen=True)
class Service:
    """One service; `spec` is what the compose files say of it, merged and resolved by Compose."""

    name: str
    role: Role
    spec: Mapping[str, Any]
    route: str = ""
    port: int = 0

    @property
    def image(self) -> str:
        return str(self.spec["image"])

    @property
    def ready(self) -> Readiness:
        """What it is asked before it serves."""
        return readiness.of(compose_labels.of(self.spec), is_routed=bool(self.route))

    @property
    def has_health_check(self) -> bool:
        """Whether its compose file has one, and no overlay disables it."""
        check = self.spec.get("healthcheck") or {}
        return bool(check) and not check.get("disable") and check.get("test") != ["NONE"]


@dataclass(frozen=True)
class Application:
    """All services of an environment."""

    services: tuple[Service, ...]
    builds: tuple[Build, ...]

    def of(self, role: Role) -> tuple[Service, ...]:
        return tuple(service for service in self.services if service.role == role)

    def named(self, name: str) -> Service | None:
        return next((service for service in self.services if service.name == name), None)


def read(env: Environment) -> Application:
    """Let Compose merge the base, the overlay and the env files. Raises ConfigError."""
    files = compose_files.find(env)
    problems = list(compose_env_files.check(env, files))
    try:
        app = _needed(env, parse(compose_files.read(env, files), files, env.prefix))
    except ConfigError as error:
        raise ConfigError(listing([*problems, str(error)])) from None
    if problems:
        raise ConfigError(listing(problems))
    return app


def _needed(env: Environment, app: Application) -> Application:
    """Leave out what keeps certificates where none are kept."""
    if env.settings.get("TLS") in certificates.KEPT:
        return app
    names = {service.name for service in app.of("certificates")}
    services = tuple(service for service in app.services if service.name not in names)
    return Application(services, tuple(each for each in app.builds if each.service not in names))


def problems(env: Environment) -> list[str]:
    """Say what is wrong with the compose files of an environment whose settings are wrong too."""
    if "PROJECT" not in env.settings:
        return []
    try:
        read(env)
    except SlipwayError as error:
        return str(error).splitlines()
    return []


def parse(model: Mapping[str, Any], files: Sequence[Path] = (), prefix: str = "") -> Application:
    """Read what `docker compose config --format json` says of these files.

    Raises ConfigError with all that a deploy would not do as it is written, or the Swarm would
    refuse in an environment that is called by this prefix.
    """
    checks = (
        *(compose_labels.check, compose_keys.check),
        compose_rules.check,
        compose_variables.check,
        compose_builds.check,
        compose_hosts.check,
        volume_labels.check,
    )
    findings = [finding for check in checks for finding in check(model)]
    findings += compose_limits.check(model, prefix)
    if findings:
        lines = [f"{compose_files.place(files, one.keys)}: {one}" for one in findings]
        raise ConfigError(listing(lines))
    services = []
    builds = []
    for name, spec in sorted(model.get("services", {}).items()):
        services.append(_service(name, model, spec))
        if spec.get("build"):
            builds.append(compose_builds.read(name, spec))
    return Application(tuple(services), tuple(builds))


def _service(name: str, model: Mapping[str, Any], spec: Mapping[str, Any]) -> Service:
    labels = compose_labels.of(spec)
    role: Role = labels["slipway.role"]  # type: ignore[assignment]  # checked above
    defined = {"networks": networks.definitions, "volumes": mounts.definitions}
    full = {key: find(model, spec) for key, find in defined.items() if spec.get(key)}
    route, port = labels.get("slipway.route", ""), labels.get("slipway.port", "0")
    return Service(name, role, {**spec, **full}, route, int(port))
