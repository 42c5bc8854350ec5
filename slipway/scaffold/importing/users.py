"""Who a container of the old project runs as, in numbers, as its Dockerfile says it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.images import dockerfile

USER = re.compile(r"^\s*USER\s+(?P<user>\S+)", re.MULTILINE | re.IGNORECASE)
FROM = re.compile(r"^\s*FROM\s", re.MULTILINE | re.IGNORECASE)
ROOT = ("root", "0", "root:root", "0:0")
# Names that images bring, by the image: those of Debian and Alpine are the same where it matters.
KNOWN: Mapping[str, Mapping[str, str]] = {
    "node": {"node": "1000:1000"},
    "nginx": {"nginx": "101:101"},
    "python": {"nobody": "65534:65534"},
    "": {"www-data": "33:33", "nobody": "65534:65534", "nonroot": "65532:65532"},
}
RUN_AS_ROOT = (
    *("node", "python", "ruby", "golang", "php", "debian", "ubuntu", "alpine", "nginx", "httpd"),
    *("openjdk", "eclipse-temurin", "rust", "elixir", "perl", "caddy", "composer", "tomcat"),
)
MADE = r"(?:useradd|adduser)\b[^\n&]*?(?:-u|--uid|-u=|--uid=)[ =]?(?P<uid>\d+)[^\n&]*\b{name}\b"


def numbers(spec: Mapping[str, Any]) -> str | None:
    """Return `uid:gid` or `uid`; "" for root, None where only the image knows."""
    if user := str(spec.get("user") or ""):
        return user if all(part.isdecimal() for part in user.split(":")) else None
    build = spec.get("build")
    if not build:
        return None
    path = Path(build.get("context") or "", build.get("dockerfile") or "Dockerfile")
    if not path.is_file():
        return None
    text = path.read_bytes()[: 1 << 18].decode(errors="replace")
    if build.get("target"):
        return None  # which of its users counts is for BuildKit to say
    stage = (
        text[[match.start() for match in FROM.finditer(text)][-1] :] if FROM.search(text) else text
    )
    users = [match["user"] for match in USER.finditer(stage)]
    bases = dockerfile.bases(text)
    base = bases[-1].rpartition("/")[2].partition(":")[0] if bases else ""
    if not users:
        return "" if len(FROM.findall(text)) == 1 and base in RUN_AS_ROOT else None
    return _number(users[-1], base, text)


def _number(user: str, base: str, text: str) -> str | None:
    if user in ROOT:
        return ""
    if all(part.isdecimal() for part in user.split(":")):
        return user
    name = user.partition(":")[0]
    if name in (known := {**KNOWN[""], **KNOWN.get(base, {})}):
        return known[name]
    match = re.search(MADE.format(name=re.escape(name)), text) if name.isidentifier() else None
    return match["uid"] if match else None
