"""Folders of static files that a proxy of the old project served: routes lead to them here."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from slipway.scaffold.importing import copies
from slipway.scaffold.importing.findings import Draft
from slipway.scaffold.importing.proxies import LOCATION, without_comments

NGINX, CADDY = "/usr/share/nginx/html", "/usr/share/caddy"  # what they serve without a word
PROGRAMS = re.compile(r"\b(?:(?:fastcgi|uwsgi|scgi|grpc)_pass|php_fastcgi|autoindex on)\b")
ROOT = re.compile(r"\b(?P<word>root|alias)\s+(?:\*\s+)?[\"']?(?P<path>/[^\s;\"'{}]*)")
PASSES = re.compile(
    r"\b(?:proxy_pass|return|rewrite|internal|deny all)\b|\btry_files\s[^;]*\s@"  # to a program
)
FALLBACK = re.compile(r"\btry_files\s[^;\n]*\s/index\.html\s*(?:;|$)", re.MULTILINE)
PAGE = "/index.html"


@dataclass(frozen=True)
class StaticSite:
    """Requests below a path that files of a folder answer."""

    path: str
    folder: Path
    strip: str = ""
    fallback: str = ""


def of(spec: Mapping[str, Any], texts: Mapping[str, str], project: Path) -> list[StaticSite]:
    """Read what a proxy serves out of mounted folders; nothing where any of it is elsewhere."""
    places = {
        PurePosixPath(str(mount["target"])): Path(str(mount["source"]))
        for mount in spec.get("volumes") or []
        if mount.get("type") == "bind" and mount.get("source")
    }
    served = [each for text in texts.values() for each in _served(without_comments(text))]
    if not texts and not spec.get("build"):
        served = [StaticSite("/", Path(each)) for each in (NGINX, CADDY)]
        served = [each for each in served if PurePosixPath(each.folder) in places]
    sites = []
    for site in dict.fromkeys(served):
        folder = _outside(PurePosixPath(site.folder), places)
        if folder is None or not folder.is_dir() or not folder.is_relative_to(project):
            return []
        has_page = site.fallback and (folder / PAGE.lstrip("/")).is_file()
        sites.append(StaticSite(site.path, folder, site.strip, PAGE if has_page else ""))
    return [] if any(PROGRAMS.search(text) for text in texts.values()) else sites


def entries(
    sites: Sequence[StaticSite], folder_of: Callable[[Path, str], str], draft: Draft
) -> Iterator[dict[str, str]]:
    """Yield the entries of compose/routes.yml; `folder_of` has a folder copied and names it."""
    for site in sites:
        folder = folder_of(site.folder, site.folder.name)
        if not copies.names(site.folder):
            text = f"{draft.project.shown(site.folder)}: is made by a build, and git has none of it"
            text += f"; have compose/{folder} made before a deploy, or in a Dockerfile"
            draft.refuse(text)
        else:
            draft.note(f"{draft.project.shown(site.folder)}: is served by static: ./{folder} now")
        more = {"strip": site.strip, "fallback": site.fallback}
        path = f"{site.path.rstrip('/')}/*"
        yield {"path": path, "static": f"./{folder}"} | {k: v for k, v in more.items() if v}


def _served(text: str) -> Iterator[StaticSite]:
    """Yield paths with the folders inside the container; of a Caddyfile one for all."""
    starts = list(LOCATION.finditer(text))
    ends = [*(each.start() for each in starts[1:]), len(text)][: len(starts)]
    top = ROOT.search(text, 0, starts[0].start() if starts else len(text))
    for start, end in zip(starts, ends, strict=True):
        own = ROOT.search(text, start.end(), end)
        if (start["how"] or "").startswith("~") or PASSES.search(text, start.end(), end):
            continue
        if root := own or top:
            path, is_alias = start["path"], root["word"] == "alias"
            strip = path.rstrip("/") if is_alias else ""
            page = PAGE if FALLBACK.search(text, start.end(), end) else ""
            yield StaticSite(path, Path(root["path"]), strip, page)
    if top and "/" not in [start["path"] for start in starts]:
        yield StaticSite("/", Path(top["path"]), fallback=PAGE if FALLBACK.search(text) else "")


def _outside(path: PurePosixPath, places: Mapping[PurePosixPath, Path]) -> Path | None:
    """Return where a folder of the container lies in the old project."""
    inner = [each for each in places if path.is_relative_to(each)]
    target = max(inner, key=lambda each: len(each.parts), default=None)
    return places[target] / path.relative_to(target) if target else None
