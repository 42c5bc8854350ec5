"""Where this computer's `docker` leads and how it is set, as its own files and variables say.

Whoever sets DOCKER_HOST, a context, another builder or a proxy does it for something else, months
ago; each changes what an environment on "this computer" is. So it is said before anything is done,
and what keeps built images from the engine is left out.
"""

import json
import os
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from slipway.errors import UNREADABLE, Refused, last_line
from slipway.hosts.local import LocalHost
from slipway.progress import Reporter

HERE = "this computer"
DEFAULT = "default"  # the context of the engine's own socket, or of DOCKER_HOST
LOOPBACK = "127.0.0.1"
SOCKETS = ("unix", "npipe", "fd")
OFF = ("0", "false")


@dataclass(frozen=True)
class DockerClient:
    """How the docker client is set; `endpoint` is empty where it is the engine of this computer."""

    context: str = DEFAULT
    endpoint: str = ""
    origin: str = ""  # what names the endpoint
    builder: str = ""  # one of the user's own, which may keep what it builds to itself
    buildkit: bool = True
    proxies: Mapping[str, str] = field(default_factory=dict)  # what every container gets

    @property
    def engine(self) -> str:
        """What the engine is called in messages."""
        return f"the engine at {self.endpoint} ({self.origin})" if self.endpoint else HERE

    @property
    def address(self) -> str:
        """Where the ports that it publishes are reached from here."""
        return (urlsplit(self.endpoint).hostname or LOOPBACK) if self.endpoint else LOOPBACK


def look(environ: Mapping[str, str] = os.environ) -> DockerClient:
    """Read how the client is set. Raises Refused for a context that it does not know."""
    folder = _folder(environ)
    config = _json(folder / "config.json")
    context = environ.get("DOCKER_CONTEXT") or str(config.get("currentContext") or DEFAULT)
    endpoint, origin = environ.get("DOCKER_HOST", ""), "DOCKER_HOST"
    if endpoint:
        context = DEFAULT
    elif context != DEFAULT:
        endpoint, origin = _endpoint_of(context, environ), f"context {context}"
    if urlsplit(endpoint).scheme in SOCKETS:
        endpoint = ""
    own = environ.get("BUILDX_BUILDER") or _json(folder / "buildx" / "current").get("Name") or ""
    proxies = config.get("proxies")
    entry = proxies.get(DEFAULT) if isinstance(proxies, dict) else None
    return DockerClient(
        context=context,
        endpoint=endpoint,
        origin=origin if endpoint else "",
        builder="" if own in (context, DEFAULT) else str(own),
        buildkit=environ.get("DOCKER_BUILDKIT", "").lower() not in OFF,
        proxies={k: v for k, v in entry.items() if isinstance(v, str)}
        if isinstance(entry, dict)
        else {},
    )


def engine_notes(client: DockerClient) -> Iterator[str]:
    """Say where docker leads, where that is not this computer's engine."""
    if client.endpoint:
        yield (
            f"docker talks to {client.engine} and not to this computer's own: images, volumes and "
            "ports are there, and folders that are mounted too (back: unset DOCKER_HOST, docker "
            "context use default)"
        )


def notes(client: DockerClient) -> Iterator[str]:
    """Say what is set otherwise than usual, and what follows from it for what is built here."""
    yield from engine_notes(client)
    if not client.buildkit:
        yield "DOCKER_BUILDKIT=0 is left out: the images here need BuildKit"
    if client.builder:
        yield (
            f"the builder {client.builder} is left out: what it builds need not come to the "
            f"engine; {client.context} builds"
        )
    if any(client.proxies.get(key) for key in ("httpProxy", "httpsProxy", "allProxy")):
        spared = [word.strip() for word in client.proxies.get("noProxy", "").split(",")]
        if missing := [name for name in ("localhost", LOOPBACK) if name not in spared]:
            yield (
                "docker's config.json gives every container of the hacking loop a proxy, also for "
                "health checks and for services that ask each other; name in its noProxy "
                f"{','.join(missing)} and the services"
            )


def report_engine(reporter: Reporter) -> None:
    """Report where docker leads before anything is done there."""
    for note in engine_notes(look()):
        reporter.note(note)


def heed(environ: MutableMapping[str, str] = os.environ) -> list[str]:
    """Let what is started from now on build in the engine itself; return what is to be said."""
    client = look(environ)
    if not client.buildkit:
        del environ["DOCKER_BUILDKIT"]
    if client.builder:
        environ["BUILDX_BUILDER"] = client.context
    return list(notes(client))


def report_settings(reporter: Reporter) -> None:
    """Report how the client is set before it is used; build in the engine itself."""
    for note in heed():
        reporter.note(note)


def _endpoint_of(context: str, environ: Mapping[str, str]) -> str:
    argv = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}", context]
    result = LocalHost(env=environ).run(argv, timeout=20, check=False)
    if result.code != 0:
        raise Refused(
            f"docker's context {context} is none ({last_line(result.err)}); type: docker context "
            "use default"
        )
    return result.out.strip()


def _folder(environ: Mapping[str, str]) -> Path:
    named = environ.get("DOCKER_CONFIG")
    return Path(named) if named else Path(environ.get("HOME") or "/") / ".docker"


def _json(path: Path) -> dict[str, Any]:
    """Read a file of the client; one that is missing or damaged says nothing, as docker has it."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, *UNREADABLE):
        return {}
    return document if isinstance(document, dict) else {}
