"""This project's compose folder, copied, with an overlay of prod to write; and Docker to read
what is made of it."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.project import COMPOSE, SECRETS
from slipway.releases import application, stack
from slipway.releases.application import Service
from slipway.releases.compose_labels import Role
from slipway.releases.release import Release


def release_of(services: tuple[Service, ...]) -> Release:
    """A release of these services with made-up image digests."""
    images = {service.name: f"sha256:{number:064x}" for number, service in enumerate(services)}
    secrets = {key: f"{key}.1" for key in ("DATABASE_PASSWORD", "SESSION_KEY")}
    tags = {service.name: service.image for service in services}
    return Release(7, "c0ffee", images, tags, images, secrets, services, "20260101")


@cache
def release(name: str) -> Release:
    """A release of this project with made-up image digests."""
    return release_of(application.read(environment.load(name)).services)


def docker_reads(description: stack.Stack) -> Any:
    """What `docker stack deploy` makes of it; a warning or an error fails."""
    argv = ["docker", "stack", "config", "--compose-file", "-"]
    text = json.dumps(description).encode()
    result = subprocess.run(argv, input=text, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    return yaml.safe_load(result.stdout)


class Project:
    """The project's compose folder copied, with something added to it."""

    def __init__(self, root: Path) -> None:
        self.compose = root / "compose"
        shutil.copytree(COMPOSE, self.compose)

    def write(self, text: str, name: str = "compose.prod.yml") -> Environment:
        (self.compose / name).write_text(text)
        return environment.load("prod", self.compose, SECRETS)

    def service(self, name: str, text: str, top: str = "") -> Environment:
        return self.write(f"services:\n  {name}:\n    {text}\n{top}\n")

    def api(self, text: str) -> Environment:
        return self.service("api", text)

    def stack(self, env: Environment, role: Role = "colour") -> Any:
        """What Docker reads in the stack file of a role, made of the files as they are."""
        made = release_of(application.read(env).services)
        if role == "colour":
            return docker_reads(stack.colour_stack(env, made, "green"))
        if role == "job":
            (job, *_) = [each for each in made.of("job") if each.name == "tests"]
            return docker_reads(stack.job_stack(env, made, job, {}))
        return docker_reads(stack.role_stack(env, made, role))

    def render(self, env: Environment) -> Any:
        return self.stack(env)["services"]["api-green"]
