"""What a service is asked before it serves (`slipway.ready`), read from the old health check."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.findings import Draft

ASKED = re.compile(
    r"(?:https?://)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(?P<port>\d+|\$\{?\w+\}?))?"
    r"(?P<path>/[^\s'\"|;&)]*)?"
)
CHECK = re.compile(r"^HEALTHCHECK\s+(?!NONE)(?P<words>(?:[^\n]|\\\n)+)", re.MULTILINE)
TCP = "tcp"


def ready(service: OldService, port: int, draft: Draft) -> str:
    """Return the label of a service that has a route."""
    key = f"ready.{service.name}"
    text = f"What answers 2xx on port {port} of {service.name} once it can serve? A path, or {TCP}"
    where = ("services", service.name, "healthcheck")
    for words in (_written(service.spec), _of_dockerfile(service.spec)):
        for match in ASKED.finditer(words):
            is_own = not match["port"] or match["port"] == str(port) or "$" in match["port"]
            if is_own and match["path"]:
                path = match["path"].replace("$", "")
                if path not in ("", "/") or match["path"] == "/":
                    draft.note(
                        f"{service.name}: is ready when {path} answers, as its health check asks",
                        *where,
                    )
                    return path
    return draft.ask(key, text, TCP)


def port(service: OldService) -> int:
    """Return the port that the health check asks; 0 where it asks none."""
    for words in (_written(service.spec), _of_dockerfile(service.spec)):
        for match in ASKED.finditer(words):
            if match["port"] and match["port"].isdecimal():
                return int(match["port"])
    return 0


def _written(spec: Mapping[str, Any]) -> str:
    test = (spec.get("healthcheck") or {}).get("test") or ""
    return test if isinstance(test, str) else " ".join(map(str, test))


def _of_dockerfile(spec: Mapping[str, Any]) -> str:
    build = spec.get("build") or {}
    path = Path(build.get("context") or "", build.get("dockerfile") or "Dockerfile")
    if not build or not path.is_file():
        return ""
    texts = CHECK.findall(path.read_bytes()[: 1 << 18].decode(errors="replace"))
    return str(texts[-1]) if texts else ""
