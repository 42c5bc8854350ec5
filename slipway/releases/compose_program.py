"""How Compose is started to read files: its plugin itself, which `docker` would start twice."""

import json
import os
from functools import cache
from pathlib import Path

PLUGIN = "cli-plugins/docker-compose"
# Where the client of Docker looks after the person's own folder, in its order.
SYSTEM = ("usr/local/lib", "usr/local/libexec", "usr/lib", "usr/libexec")


@cache
def command(root: Path = Path("/")) -> tuple[str, ...]:
    """Return the words before Compose's own; those of the client where it looks elsewhere too."""
    home = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")  # noqa: PTH111
    folders = [Path(home), *(root / folder / "docker" for folder in SYSTEM)]
    plugins = (folder / PLUGIN for folder in folders)
    plugin = next((path for path in plugins if os.access(path, os.X_OK)), None)
    if plugin is None or _looks_elsewhere(Path(home) / "config.json"):
        return ("docker", "compose")
    return (str(plugin),)


def _looks_elsewhere(config: Path) -> bool:
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True  # the client has its own words for it
    return not isinstance(settings, dict) or bool(settings.get("cliPluginsExtraDirs"))
