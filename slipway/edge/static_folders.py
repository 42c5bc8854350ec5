"""Folders of static files that routes name: what serves each, and what is wrong with one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.edge.routes_file import Keys, RoutesFile

PORT = 8080  # as compose/static/Caddyfile listens
FALLBACK = "X-Static-Fallback"  # by this header the edge names the page for what is no file
INDEX = "index.html"
OWN_404 = "404.html"


@dataclass(frozen=True)
class StaticFolder:
    """A folder as routes.yml names it, from beside that file, and where it is."""

    written: str
    path: Path
    compose: Path

    @classmethod
    def of(cls, written: str, compose: Path) -> "StaticFolder":
        return cls(written, (compose / written).resolve(), compose.resolve())

    @property
    def service(self) -> str:
        """What the service is called that serves it: static-public, static-web-dist."""
        root = self.compose if self.path.is_relative_to(self.compose) else self.compose.parent
        try:
            words = str(self.path.relative_to(root))
        except ValueError:
            words = self.path.name
        return f"static-{re.sub(r'[^a-z0-9]+', '-', words.lower()).strip('-')}"

    def has(self, path: str) -> bool:
        """Whether it holds a file, by its path in an address."""
        return (self.path / path.lstrip("/")).is_file()

    @property
    def complaint(self) -> str:
        """Say why it cannot be served."""
        if not self.path.is_relative_to(self.compose.parent):
            return f"{self.written[:60]} lies outside of the project"
        if self.compose.is_relative_to(self.path):
            return f"{self.written[:60]} holds compose/ itself, which nobody may read"
        if not self.path.is_dir():
            text = f"there is no folder compose/{self.written[:60]}; if a build makes it, build it"
            return f"{text} first, or in the Dockerfile of a service, as compose/web is one"
        if not any(self.path.iterdir()):
            return f"compose/{self.written[:60]} is empty"
        return ""


def named(file: RoutesFile) -> list[StaticFolder]:
    """Return the folders that a file names for its environment, each once, right or wrong."""
    entries = (entry for _, entry in file.entries(file.read(), "routes"))
    written = (entry.get("static") for entry in entries)
    compose = file.path.parent
    folders = [StaticFolder.of(each, compose) for each in written if isinstance(each, str) and each]
    return list({folder.path: folder for folder in folders}.values())


def target(
    file: RoutesFile, entry: Mapping[str, Any], values: Mapping[str, Any], keys: Keys
) -> dict[str, Any]:
    """Return what a route to a folder has of its own; note what is wrong with it."""
    if "static" not in values:
        return {}
    folder = StaticFolder.of(values["static"], file.path.parent)
    for word, text in _complaints(folder, values.get("fallback", "")):
        file.complain((*keys, word), text)
    pages = () if folder.has(OWN_404) else (404,)
    return {
        "name": folder.service,
        "port": PORT,
        "is_static": True,
        "request_headers": {FALLBACK: values.get("fallback")},
        "trailing_slash": "",  # a folder ends with a slash, a file with none
        "intercept": values["intercept"] if "intercept" in entry else pages,
    }


def _complaints(folder: StaticFolder, fallback: str) -> Iterator[tuple[str, str]]:
    if text := folder.complaint:
        yield "static", text
    elif fallback and not folder.has(fallback):
        yield "fallback", f"there is no {fallback} in compose/{folder.written[:60]}"
