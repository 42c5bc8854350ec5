"""What a reverse proxy of the old project does: nginx, Caddy and Traefik, where it is plain."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.images import dockerfile
from slipway.scaffold.importing import mounts
from slipway.scaffold.importing.families import Image, image_of

CONFIGS = re.compile(r"(?:\.conf(?:\.template)?|^Caddyfile(?:\..+)?|\.caddy|\.cfg|^conf)$")
MOST_CONFIGS = 30
OWN_CONTENT = re.compile(
    r"^\s*(?:root|alias|fastcgi_pass|uwsgi_pass|scgi_pass|file_server|php_fastcgi)\b", re.MULTILINE
)
LOCATION = re.compile(r"location\s+(?P<how>=|\^~|~\*?)?\s*(?P<path>[^\s{]+)\s*\{")
PASS = re.compile(r"proxy_pass\s+https?://(?P<host>[\w.$-]+)(?::(?P<port>\d+))?(?P<rest>[^;\s]*)")
UPSTREAM = re.compile(r"upstream\s+(?P<name>[\w.-]+)\s*\{(?P<body>[^}]*)\}")
SERVER = re.compile(r"^\s*server\s+(?P<host>[\w.-]+)(?::(?P<port>\d+))?", re.MULTILINE)
HANDLE = re.compile(
    r"(?:handle|handle_path|route)\s+(?P<path>/\S*)\s*\{(?P<body>[^{}]*(?:\{[^}]*\})?[^}]*)\}"
)
CADDY = re.compile(
    r"reverse_proxy\s+(?P<path>[/@]\S*\s+)?(?:https?://)?(?P<host>[\w.-]+):(?P<port>\d+)"
)
RULE = re.compile(r"(?P<kind>Host|PathPrefix|Path)\((?P<words>[^)]*)\)")
QUOTED = re.compile(r"[`'\"]([^`'\"]+)[`'\"]")
ROUTER = re.compile(r"traefik\.http\.routers\.(?P<name>[^.]+)\.rule$")
STRIPS = re.compile(r"\.stripprefix\.prefixes$")
BODY = re.compile(r"client_max_body_size\s+(\d+)[mM]")
PORT = re.compile(r"traefik\.http\.services\.[^.]+\.loadbalancer\.server\.port$")


@dataclass(frozen=True)
class Forward:
    """Requests below a path, perhaps of one host, that go to a port of a service."""

    service: str
    path: str
    port: int = 0
    host: str = ""
    strip: str = ""  # what is taken off the path


def is_proxy(spec: Mapping[str, Any]) -> bool:
    """Whether a service has a proxy's image, its own or what its own is built on."""
    return _image(spec).kind == "proxy"


def _image(spec: Mapping[str, Any]) -> Image:
    build = spec.get("build") or {}
    if not build:
        return image_of(spec)
    path = Path(build.get("context", ""), build.get("dockerfile") or "Dockerfile")
    names = dockerfile.bases_of(path, {}, str(build.get("target") or ""))
    return image_of({"image": names[-1] if names else ""})


def configs(spec: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Read the configuration that a proxy has, from its mounts or out of its build folder."""
    texts: dict[str, str] = {}
    for mount in mounts.of(spec, folder):
        if mount.kind == "bind" and mount.content in ("configuration", "code"):
            contents = mounts.texts(Path(mount.source))
            texts |= {str(Path(mount.source, name)): text for name, text in contents.items()}
    context = (spec.get("build") or {}).get("context")
    for top, folders, names in os.walk(context) if context else ():
        folders[:] = [each for each in folders if each not in (".git", "node_modules")]
        for name in sorted(names):
            path = Path(top, name)
            if CONFIGS.search(name) and len(texts) < MOST_CONFIGS and path.is_file():
                texts[str(path)] = path.read_bytes()[: mounts.LARGEST].decode(errors="replace")
    texts = {name: text for name, text in texts.items() if CONFIGS.search(Path(name).name)}
    named = {name: text for name, text in texts.items() if Path(name).name in _dockerfile(spec)}
    return named or texts


def _dockerfile(spec: Mapping[str, Any]) -> str:
    build = spec.get("build") or {}
    path = Path(build.get("context") or "", build.get("dockerfile") or "Dockerfile")
    return path.read_bytes()[: 1 << 18].decode(errors="replace") if build and path.is_file() else ""


def has_own_content(texts: Mapping[str, str]) -> bool:
    """Whether it serves files or speaks another protocol, and is more than a proxy."""
    return any(OWN_CONTENT.search(without_comments(text)) for text in texts.values())


def forwards(texts: Mapping[str, str]) -> Iterator[Forward]:
    """Read what is handed on to whom, in the order of the files."""
    for text in map(without_comments, texts.values()):
        for forward in (*_nginx(text), *_caddy(text)):
            if not set(forward.path) & set("{}$"):
                yield forward


def labelled(name: str, spec: Mapping[str, Any]) -> Iterator[Forward]:
    """Read what labels for Traefik say of a service."""
    labels = {**(spec.get("labels") or {}), **((spec.get("deploy") or {}).get("labels") or {})}
    if str(labels.get("traefik.enable", "true")).lower() != "true":
        return
    ports = [str(value) for key, value in labels.items() if PORT.match(key)]
    port = int(ports[0]) if ports and ports[0].isdecimal() else 0
    seen = set()
    for key, value in sorted(labels.items()):
        if ROUTER.match(key):
            words: dict[str, list[str]] = {"Host": [], "PathPrefix": [], "Path": []}
            for match in RULE.finditer(str(value)):
                words[match["kind"]] += QUOTED.findall(match["words"])
            paths = words["PathPrefix"] + words["Path"] or ["/"]
            for host in words["Host"][:1] or [""]:
                seen |= {Forward(name, path, port, host, _stripped(path, labels)) for path in paths}
    yield from sorted(seen, key=lambda each: (each.host, each.path))


def _stripped(path: str, labels: Mapping[str, Any]) -> str:
    """Return what a middleware takes off a path."""
    prefixes = [str(value) for key, value in labels.items() if STRIPS.search(key)]
    return path if any(path in value.split(",") for value in prefixes) else ""


def largest_body(texts: Mapping[str, str]) -> int:
    """Return how many MB a body may have as nginx has it; 0 where it does not say."""
    return max((int(size) for text in texts.values() for size in BODY.findall(text)), default=0)


def _nginx(text: str) -> Iterator[Forward]:
    upstreams = {match["name"]: SERVER.search(match["body"]) for match in UPSTREAM.finditer(text)}
    starts = [*LOCATION.finditer(text)]
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        target = PASS.search(text, start.end(), end)
        if target is None or (start["how"] or "").startswith("~"):
            continue
        server = upstreams.get(target["host"])
        host = server["host"] if server else target["host"]
        port = (server["port"] if server else "") or target["port"] or "80"
        strip = start["path"].rstrip("/") if target["rest"] == "/" else ""
        yield Forward(host, start["path"], int(port), strip=strip)


def _caddy(text: str) -> Iterator[Forward]:
    inside = ""
    for match in HANDLE.finditer(text):
        if target := CADDY.search(match["body"]):
            inside += match[0]
            path = match["path"].rstrip("*")
            strip = path.rstrip("/") if match[0].startswith("handle_path") else ""
            yield Forward(target["host"], path, int(target["port"]), strip=strip)
    for target in CADDY.finditer(text):
        if target[0] not in inside:
            path = (target["path"] or "/").strip()
            yield Forward(target["host"], path.rstrip("*") or "/", int(target["port"]))


def without_comments(text: str) -> str:
    """Leave out lines that are comments."""
    return re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
