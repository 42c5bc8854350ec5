"""Another side, on one machine: Compose, and its `web` replaced by the plugin docker-rollout.

The plugin doubles a service, waits until the new container is healthy, then removes the old one.
What sends it requests has to find both by itself: the same Caddy, which asks DNS for each.
"""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.plain import SETTINGS, Plain
from slipway.edge.config import configure
from slipway.edge.routes import Route
from tests.e2e.checkout import docker
from tests.waiting import wait_until

PROJECT, FOLDER = "rollout", "/rollout"
PLUGIN = "/usr/local/lib/docker/cli-plugins/docker-rollout"


@dataclass(frozen=True)
class Rollout:
    """The page of the sample, run by Compose on the one machine of a rig, on its second port."""

    plain: Plain
    program: Path  # docker-rollout, a shell script

    @property
    def urls(self) -> list[str]:
        return self.plain.urls

    def start(self) -> None:
        """Take the plain stack's port, and bring it up."""
        self._run("docker", "stack", "rm", "plain")
        self._run("mkdir", "-p", FOLDER, PLUGIN.rpartition("/")[0])
        docker("cp", str(self.program), f"{self._machine}:{PLUGIN}")
        self._run("chmod", "+x", PLUGIN)
        config = configure("rollout", [Route("/*", "web", 8080)], SETTINGS, 30)
        self._write("routes.json", json.dumps(config))
        self._describe(0)
        wait_until("the port is free", self._is_up)
        wait_until("the page answers", self._answers)

    def deploy(self, release: int) -> float:
        """Replace the page's container; return the seconds."""
        self._describe(release)
        began = time.monotonic()
        self._run("docker", "rollout", *self._file, "web")
        return time.monotonic() - began

    @property
    def _machine(self) -> str:
        return self.plain.rig.container("m1")

    @property
    def _file(self) -> tuple[str, str]:
        return "--file", f"{FOLDER}/compose.json"

    def _is_up(self) -> bool:
        argv = ["docker", "compose", *self._file, "up", "--detach"]
        inside = ["docker", "exec", self._machine, *argv]
        return subprocess.run(inside, capture_output=True, check=False).returncode == 0

    def _answers(self) -> bool:
        try:
            return httpx.get(self.urls[0], timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def _describe(self, release: int) -> None:
        """Write the compose file, with the image and the health check that serve now."""
        web, edge = self.plain.copy("web", release), self.plain.edge_image()
        kept = ("image", "environment", "user", "init", "read_only", "cap_drop", "healthcheck")
        page: dict[str, Any] = {key: web[key] for key in kept}
        page["stop_grace_period"] = web["stop_grace_period"]
        page["tmpfs"] = ["/tmp"]  # noqa: S108  the container's own
        services = {
            "web": page,
            "edge": {
                "image": edge,
                "command": ["caddy", "run", "--config", "/srv/routes.json"],
                "volumes": [f"{FOLDER}/routes.json:/srv/routes.json:ro"],
                "ports": ["443:8080"],
            },
        }
        self._write("compose.json", json.dumps({"name": PROJECT, "services": services}))

    def _write(self, name: str, text: str) -> None:
        argv = ["docker", "exec", "-i", self._machine, "sh", "-c", f"cat > {FOLDER}/{name}"]
        subprocess.run(argv, input=text, text=True, check=True)

    def _run(self, *argv: str) -> None:
        docker("exec", self._machine, *argv)
