"""The other side: the same images as one plain stack, updated start-first by `docker stack deploy`.

It has an edge of its own with the same routes, on the machines' second published port, and uses
the same database, so that one load can be aimed at either.
"""

import json
import subprocess
import time
from dataclasses import dataclass
from typing import Any

import yaml

from slipway.edge.config import configure
from slipway.edge.routes import Route
from tests.e2e.rig import ENV, Rig
from tests.waiting import wait_until

STACK = "plain"
ROUTES = (("api", "/api/*", 8000), ("web", "/*", 8080))
SETTINGS = {"DOMAIN": "", "TLS": "off"}


@dataclass(frozen=True)
class Plain:
    """The plain stack on the machines of a rig."""

    rig: Rig

    @property
    def urls(self) -> list[str]:
        text = self.rig.checkout.path(f".slipway/{ENV}/machines.yml").read_text()
        return [
            f"http://127.0.0.1:{entry['https_port']}" for entry in yaml.safe_load(text).values()
        ]

    def deploy(self, release: int) -> float:
        """Hand over the stack with the images that Slipway serves now; return the seconds."""
        began = time.monotonic()
        argv = ["docker", "stack", "deploy", "--detach=false", "--resolve-image=never"]
        self._run([*argv, "--compose-file", "-", STACK], json.dumps(self._stack(release)))
        return time.monotonic() - began

    def start(self, release: int) -> None:
        """Bring it up for the first time and wait until it answers everywhere."""
        routes = [Route(path, f"{STACK}-{name}", port) for name, path, port in ROUTES]
        config = configure("plain", routes, SETTINGS, 30)
        self._run(["docker", "config", "create", "plain-routes", "-"], json.dumps(config))
        self.deploy(release)
        wait_until("the plain stack answers", self._answers)

    def _answers(self) -> bool:
        import httpx

        answers = [httpx.get(f"{url}/api/version", timeout=5) for url in self.urls]
        return all(answer.status_code == 200 for answer in answers)

    def _stack(self, release: int) -> dict[str, Any]:
        """Copy what runs: image, environment, secrets and health checks of the live colour."""
        app = self.rig.app
        services = {name: self.copy(name, release) for name in ("api", "web", "worker")}
        services["edge"] = {
            "image": self.edge_image(),
            "command": ["caddy", "run", "--config", "/srv/routes.json"],
            "configs": [{"source": "plain-routes", "target": "/srv/routes.json", "mode": 0o444}],
            "networks": {"edge": {}},
            "ports": [{"target": 8080, "published": 443, "protocol": "tcp", "mode": "host"}],
            "deploy": {"mode": "global", "endpoint_mode": "dnsrr"},
        }
        used = {entry["source"] for spec in services.values() for entry in spec.get("secrets", [])}
        return {
            "version": "3.12",
            "services": services,
            "networks": {n: {"external": True, "name": f"{app}-{n}"} for n in ("edge", "data")},
            "secrets": {name: {"external": True} for name in used},
            "configs": {"plain-routes": {"external": True}},
        }

    def edge_image(self) -> str:
        """Return the image of the edge that serves."""
        ((_, edge),) = self._live("edge").items()
        return str(edge["TaskTemplate"]["ContainerSpec"]["Image"])

    def copy(self, name: str, release: int) -> dict[str, Any]:
        """Describe a service as it runs in the colour that serves."""
        ((_, spec),) = self._live(name).items()
        container = spec["TaskTemplate"]["ContainerSpec"]
        given = dict(pair.partition("=")[::2] for pair in container.get("Env", []))
        check = container["Healthcheck"]
        alias = {"aliases": [f"{STACK}-{name}"]}
        return {
            "image": container["Image"],
            "environment": given | {"RELEASE": str(release), "COLOUR": "plain"},
            "user": container["User"],
            "init": True,
            "read_only": True,
            "cap_drop": ["ALL"],
            "volumes": [{"type": "tmpfs", "target": "/tmp"}],  # noqa: S108  the container's own
            "secrets": [_secret(secret) for secret in container.get("Secrets", [])],
            "networks": {n: alias if n == "edge" else {} for n in _networks(name)},
            "healthcheck": {
                "test": check["Test"],
                "interval": f"{check['Interval']}ns",
                "timeout": f"{check['Timeout']}ns",
                "retries": check["Retries"],
                "start_period": f"{check['StartPeriod']}ns",
                "start_interval": f"{check['StartInterval']}ns",
            },
            "stop_grace_period": f"{container['StopGracePeriod']}ns",
            "deploy": {
                "replicas": spec["Mode"]["Replicated"]["Replicas"],
                "endpoint_mode": "dnsrr",
                "update_config": {"order": "start-first"},
            },
        }

    def _live(self, name: str) -> dict[str, Any]:
        """Find a service of Slipway's by name, in whichever colour it lives."""
        label = f"label=slipway.app={self.rig.app}"
        ids = self.rig.on("m1", "docker", "service", "ls", "--quiet", "--filter", label).split()
        found = json.loads(self.rig.on("m1", "docker", "service", "inspect", *ids))
        specs = [service["Spec"] for service in found]
        specs = [spec for spec in specs if spec["Labels"].get("slipway.service") == name]
        newest = max(specs, key=_release)  # another colour may be warm
        return {newest["Name"]: newest}

    def _run(self, argv: list[str], stdin: str) -> None:
        inside = ["docker", "exec", "-i", self.rig.container("m1"), *argv]
        done = subprocess.run(inside, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}{done.stdout}"


def _release(spec: dict[str, Any]) -> int:
    """Return the release that a service is of; 0 for one that stands."""
    pairs = (pair.partition("=") for pair in spec["TaskTemplate"]["ContainerSpec"].get("Env", []))
    return next((int(value) for key, _, value in pairs if key == "RELEASE"), 0)


def _networks(name: str) -> tuple[str, ...]:
    return {"api": ("edge", "data"), "web": ("edge",), "worker": ("data",)}[name]


def _secret(secret: dict[str, Any]) -> dict[str, Any]:
    file = secret["File"]
    return {
        "source": secret["SecretName"],
        "target": file["Name"],
        "uid": file["UID"],
        "gid": file["GID"],
        "mode": file["Mode"],
    }
