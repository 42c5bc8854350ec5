"""The services of folders of static files: compose files get one for each that routes.yml names."""

import json
from pathlib import Path
from typing import Any

from slipway import whole_file
from slipway.edge.routes_file import FILE, RoutesFile, Surroundings
from slipway.edge.static_folders import INDEX, StaticFolder, named
from slipway.environments import environment, hacking
from slipway.environments.environment import Environment
from slipway.errors import ConfigError
from slipway.releases import readiness

TEMPLATE = "static.yml"  # what a team may change for all of them
PLACE = "/srv/files"  # of the folder in the container


def describe(env: Environment, *, live: bool = False) -> str:
    """Return a compose file with them, for Compose to merge; "" where routes name no folder.

    With `live` a folder is mounted and not part of the image. Raises ConfigError.
    """
    path = env.compose / FILE
    if not path.is_file():
        return ""
    known = environment.names(env.compose)
    file = RoutesFile(path, Surroundings(env.name, known, env.settings, (), {}))
    folders = named(file)
    if folders and not (env.compose / TEMPLATE).is_file():
        raise ConfigError(
            f"compose/{FILE}: static: is served by compose/{TEMPLATE} and compose/static/, which "
            "are missing; get them with: inv kit.upgrade"
        )
    by_name = {folder.service: folder for folder in folders}
    for folder in folders:
        if (other := by_name[folder.service]) is not folder:
            text = f"{folder.written} and {other.written} would both be served by {folder.service}"
            raise ConfigError(f"compose/{FILE}: {text}; call one of them otherwise")
    services = {name: _service(folder, live=live) for name, folder in by_name.items()}
    return json.dumps({"services": services}, indent=1) if services else ""


def write_live(compose: Path) -> None:
    """Write those of the hacking loop where Compose finds them."""
    path = hacking.static_file(compose)
    has_routes = (compose / FILE).is_file()
    text = describe(environment.load("dev", compose), live=True) if has_routes else ""
    if text and not (path.is_file() and path.read_text() == text):
        path.parent.mkdir(parents=True, exist_ok=True)
        whole_file.write(path, text)
    elif not text:
        path.unlink(missing_ok=True)


def _service(folder: StaticFolder, *, live: bool) -> dict[str, Any]:
    server = folder.compose / "static"
    deploy = {"labels": {readiness.LABEL: "/" if folder.has(INDEX) else "/ 200,404"}}
    service = {
        "extends": {"file": str(folder.compose / TEMPLATE), "service": "static"},
        "image": f"${{PROJECT}}/{folder.service}",
        "build": {
            "context": str(server),
            "additional_contexts": {"files": str(server if live else folder.path)},
        },
        "deploy": {**deploy, "replicas": 1} if live else deploy,
    }
    if not live:
        return service
    mount = {"type": "bind", "source": str(folder.path), "target": PLACE, "read_only": True}
    return {**service, "volumes": [mount], "environment": {"RELEASE": "dev", "COLOUR": "none"}}
