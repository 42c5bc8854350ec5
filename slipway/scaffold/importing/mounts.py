"""What the mounts of an old service hold: code, configuration, state, a socket, nothing kept."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from slipway.scaffold.importing.families import STATE, Image, image_of

Content = Literal["code", "configuration", "state", "scratch", "socket", "host", "missing", "large"]
SOCKET = re.compile(r"(?:docker|podman|containerd)\.sock$")
REBUILT = re.compile(
    r"(?:^|/)(?:node_modules|\.next|\.nuxt|\.venv|venv|vendor|__pycache__|\.cache|cache|tmp|\.npm"
    r"|\.yarn|\.pnpm-store|target|dist|build|bundle|\.gradle|\.m2|coverage|htmlcov|log|logs)/?$"
)
DATABASE_START = "/docker-entrypoint-initdb.d"
# Where well-known images keep state that the old file left to a volume without a name.
UNNAMED: Mapping[str, str] = {
    **dict.fromkeys(("mysql", "mariadb", "percona", "mysql-server"), "/var/lib/mysql"),
    **dict.fromkeys(("wordpress", "nextcloud", "joomla", "drupal"), "/var/www/html"),
    "mongo": "/data/db",
    "rabbitmq": "/var/lib/rabbitmq",
    "elasticsearch": "/usr/share/elasticsearch/data",
    "clickhouse-server": "/var/lib/clickhouse",
    "postgres": "/var/lib/postgresql/data",
    "ghost": "/var/lib/ghost/content",
    "meilisearch": "/meili_data",
    "grafana": "/var/lib/grafana",
}
LARGEST, MOST_FILES = 256 << 10, 64
OF_MACHINE = re.compile(
    r"/(?:$|(?:proc|sys|dev|etc|lib|lib64|usr|bin|sbin|boot|run|tmp|root)/"
    r"|var/(?:run|log|lib/docker|cache)/)"
)
SUFFIX = re.compile(r"\.[a-z]{1,5}$", re.IGNORECASE)


@dataclass(frozen=True)
class OldMount:
    """A mount of an old service and what it holds."""

    content: Content
    kind: str  # volume, bind, tmpfs
    source: str
    target: str
    read_only: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether a service that loses it has lost something."""
        return self.content == "state"


def of(spec: Mapping[str, Any], folder: Path) -> list[OldMount]:
    """Read the mounts of a service as Compose resolved them."""
    context = (spec.get("build") or {}).get("context", "")
    image = image_of(spec)
    mounts: list[OldMount] = []
    for mount in spec.get("volumes") or []:
        kind, source = str(mount.get("type", "")), str(mount.get("source") or "")
        target, read_only = str(mount.get("target", "")), bool(mount.get("read_only"))
        if kind == "volume":
            content = _in_volume(source, target, image)
        elif kind == "bind":
            content = _in_folder(Path(source), target, read_only, (folder, context, image))
        else:
            content = "scratch"
        mounts.append(OldMount(content, kind, source, target, read_only))
    target = UNNAMED.get(image.name, "")
    if target and not context and not any(mount.target == target for mount in mounts):
        mounts.append(OldMount("state", "volume", "", target))
    return mounts


def _in_volume(source: str, target: str, image: Image) -> Content:
    if image.kind in ("store", "postgres"):
        return "state"
    return "scratch" if REBUILT.search(target) else "state"


def _in_folder(
    source: Path, target: str, read_only: bool, service: tuple[Path, str, Image]
) -> Content:
    folder, context, image = service
    if SOCKET.search(str(source)):
        return "socket"
    if not source.is_relative_to(folder) and not source.is_relative_to(folder.parent):
        is_machines = OF_MACHINE.match(f"{str(source).rstrip('/')}/") or SUFFIX.search(source.name)
        is_store = image.kind in ("store", "postgres") and STATE.match(target)
        return "host" if is_machines and not is_store else "state"
    if not source.exists():
        return "missing" if SUFFIX.search(source.name) else "state"
    if image.kind in ("store", "postgres") and not read_only and source.is_dir():
        return "configuration" if "conf" in target or target == DATABASE_START else "state"
    if source.is_dir() and (context and _is_code(source, Path(context))):
        return "code"
    if source.is_file():
        is_code = context and source.is_relative_to(context) and not image.kind
        return "code" if is_code else _by_size(source)
    if not context and (source == folder or (source / "package.json").exists()):
        return "code"
    return _by_size(source) if read_only or _is_written(source) else "state"


def _is_code(source: Path, context: Path) -> bool:
    """Whether a folder goes into the image too, or the image is built out of it."""
    if not (source.is_relative_to(context) or context.is_relative_to(source)):
        return False
    return not re.search(r"upload|media|storage|data$", source.name) or _is_written(source)


def _is_written(source: Path) -> bool:
    """Whether a person wrote what is in a folder: a few texts."""
    return len(texts(source)) > 0 and _by_size(source) == "configuration"


def _by_size(source: Path) -> Content:
    return "configuration" if texts(source) else "large"


def texts(source: Path) -> dict[str, str]:
    """Read the texts of a file or a folder by their names; none where it is large or not text."""
    paths = [source] if source.is_file() else []
    for top, folders, names in os.walk(source):
        folders[:] = sorted(each for each in folders if each != ".git")
        paths += [Path(top, name) for name in sorted(names)]
        if len(paths) > MOST_FILES:
            return {}
    total, contents = 0, dict[str, str]()
    for path in paths:
        if not path.is_file():
            continue
        total += path.stat().st_size
        if total > LARGEST:
            return {}
        try:
            name = "" if path == source else str(path.relative_to(source))
            contents[name] = path.read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            return {}
    return contents
