"""The application as its compose files describe it: services, their roles and routes."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from slipway.environments.environment import Environment
from slipway.errors import CommandFailed, ConfigError, last_line
from slipway.hosts.local import LocalHost
from slipway.images.sources import Build
from slipway.suggest import nearest

Role = Literal["colour", "data", "ops", "edge", "job"]
ROLES: tuple[str, ...] = get_args(Role)
SHARED_NETWORKS = ("edge", "data")  # both colours are on them; any other belongs to its colour
ROUTE = re.compile(r"/[^\s,]*")  # one path, where a * stands for anything; of two none would match
LABEL_WORDS = ["slipway.role", "slipway.route", "slipway.port", "slipway.pitr-secrets"]


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
    argv = ["docker", "compose", "--project-directory", str(env.compose)]
    for name in ("compose.yml", f"compose.{env.name}.yml"):
        if (env.compose / name).is_file():
            argv += ["--file", str(env.compose / name)]
    for name in ("common.env", f"{env.name}.env"):
        argv += ["--env-file", str(env.compose / name)]
    # Nothing of the caller's shell may reach a release, so Compose sees a bare environment.
    bare = {key: os.environ[key] for key in ("PATH", "HOME", "DOCKER_CONFIG") if key in os.environ}
    host = LocalHost(env=bare | {"ENVIRONMENT": env.name}, cwd=env.compose)
    try:
        result = host.run([*argv, "--profile", "*", "config", "--format", "json"], timeout=30)
    except CommandFailed as error:
        reason = last_line(error.stderr)
        raise ConfigError(f"the compose files of {env.name} are invalid: {reason}") from None
    return parse(json.loads(result.out))


def parse(model: Mapping[str, Any]) -> Application:
    """Read what `docker compose config --format json` says."""
    services = []
    builds = []
    for name, spec in sorted(model.get("services", {}).items()):
        services.append(_service(name, spec))
        if build := spec.get("build"):
            context = Path(build["context"])
            dockerfile = context / build.get("dockerfile", "Dockerfile")
            args = {key: str(value) for key, value in (build.get("args") or {}).items()}
            builds.append(Build(name, str(spec["image"]), context, dockerfile, args))
    routed = [service for service in services if service.route]
    for first in routed:
        for second in routed:
            if first.name < second.name and first.route == second.route:
                message = f"services {first.name} and {second.name} share a route: {first.route}"
                raise ConfigError(message)
    return Application(tuple(services), tuple(builds))


def _service(name: str, spec: Mapping[str, Any]) -> Service:
    where = f"compose.yml: services.{name}"
    labels = (spec.get("deploy") or {}).get("labels") or {}
    for key in labels:
        if key.startswith("slipway.") and key not in LABEL_WORDS:
            raise ConfigError(f"{where}: unknown label {key}{nearest(key, LABEL_WORDS)}")
    role = labels.get("slipway.role")
    if role not in ROLES:
        raise ConfigError(
            f"{where}.deploy.labels: slipway.role must be one of {', '.join(ROLES)}, not {role}"
        )
    if "image" not in spec:
        raise ConfigError(f"{where} names no image")
    route = labels.get("slipway.route", "")
    port = labels.get("slipway.port", "0")
    if route and not (route.startswith("/") and port.isdecimal() and int(port)):
        raise ConfigError(f"{where}: a route starts with / and needs slipway.port")
    if route and not ROUTE.fullmatch(route):
        raise ConfigError(
            f"{where}: slipway.route: {route[:60]!a} is no path; write one, such as /api/*, and "
            "give another service the next"
        )
    return Service(name, role, spec, route, int(port))
