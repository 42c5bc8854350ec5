"""What compose/routes.yml says, made into routes; each entry checked by itself."""

import mimetypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from slipway.edge import route_words, static_folders
from slipway.edge.maintenance import PAGE
from slipway.edge.route_words import DEFAULTS, LISTS, OF_PROGRAMS, OF_SERVICES, ROUTE
from slipway.edge.routes import Guard, Route, Table
from slipway.edge.routes_file import TOO_MUCH, Keys, RoutesFile
from slipway.suggest import nearest

ANSWERS = ("to", "redirect", "file", "static")
SERVED = ("to", "static")  # by a service, for which defaults are
OWN_WORDS = ("to", "file", "static", "fallback")  # they say what a route leads to
GUARD = ("path", "paths", "host", "hosts", "only", "allow", "basic_auth", "satisfy", "public")
ERROR = re.compile(r"[45]xx|4[0-9][0-9]|5[0-9][0-9]")
MOST_TEXT = 256_000  # bytes of pages and files, which every edge keeps in memory


@dataclass(frozen=True)
class Entries:
    """The routes of a file with the place of each, what holds for all, and Caddy's own part."""

    table: Table
    places: Sequence[Keys]  # of the routes; nothing for one that a label names
    guard_places: Sequence[Keys] = ()
    caddy_file: str = ""
    caddy_text: str = ""


@dataclass
class _Gathered:
    routes: list[Route] = field(default_factory=list)
    places: list[Keys] = field(default_factory=list)


def read(file: RoutesFile, labelled: Sequence[Route]) -> Entries:
    """Read a file; `labelled` are the routes that labels of the compose files name."""
    document = file.read()
    usual = _defaults(file, document.get("defaults"))
    by_labels = [_fit(replace(route, **usual)) for route in labelled]
    gathered = _Gathered(by_labels, [()] * len(labelled))
    for keys, entry in file.entries(document, "routes"):
        routes = _routes(file, entry, keys, usual)
        gathered.routes += routes
        gathered.places += [keys] * len(routes)
    protected = list(file.entries(document, "protect"))
    guards = [_guard(file, entry, keys) for keys, entry in protected]
    pages = _pages(file, document.get("errors"))
    size = sum(len(each.encode()) for each in [*pages.values(), *(r.text for r in gathered.routes)])
    if size > MOST_TEXT:
        text = f"pages and files are {size} bytes long, and {MOST_TEXT} fit; {TOO_MUCH}"
        file.complain((), text)
    https_only = file.value(route_words.switch, document, (), "https_only") or False
    table = Table(tuple(gathered.routes), tuple(guards), pages, https_only=https_only)
    entries = Entries(table, gathered.places, [keys for keys, _ in protected])
    if "caddy" not in document:
        return entries
    name = document["caddy"]
    return replace(entries, caddy_file=f"compose/{name}", caddy_text=file.content(name, ("caddy",)))


def _defaults(file: RoutesFile, entry: Any) -> dict[str, Any]:
    if entry is None:
        return {}
    if not isinstance(entry, dict):
        file.complain(("defaults",), "must be words with values, such as {compress: true}")
        return {}
    file.demand_known(entry, ("defaults",), DEFAULTS)
    return {k: v for k, v in file.values(entry, ("defaults",)).items() if k in DEFAULTS}


def _routes(
    file: RoutesFile, entry: Mapping[str, Any], keys: Keys, usual: Mapping[str, Any]
) -> list[Route]:
    """Return a route for each path of an entry."""
    singles = [single for single, _ in LISTS.values()]
    file.demand_known(entry, keys, [*ROUTE, *LISTS, *singles, "only", "intercept"])
    answers = [word for word in ANSWERS if word in entry]
    if len(answers) != 1:
        count = f"has {' and '.join(answers)}" if answers else "has no answer"
        text = f"{count}; write one of to: a service, redirect: an address, "
        text += "static: a folder, file: a file"
        file.complain(keys, text)
        return []
    (answer,) = answers
    _check_words(file, entry, keys, answer)
    values = file.values(entry, keys)
    values |= (
        static_folders.target(file, entry, values, keys)
        if answer == "static"
        else _target(file, answer, values, keys)
    )
    paths = values.pop("paths") or ("/*",)
    named = {key: value for key, value in values.items() if key not in OWN_WORDS}
    routes = [Route(path, **{**(usual if answer in SERVED else {}), **named}) for path in paths]
    for route in routes:
        _check_path(file, route, keys, entry)
    return [_fit(route) for route in routes]


def _fit(route: Route) -> Route:
    """Leave a path without a star as it is written."""
    return route if "*" in route.path else replace(route, trailing_slash="")


def _check_words(file: RoutesFile, entry: Mapping[str, Any], keys: Keys, answer: str) -> None:
    """Find words that would do nothing."""
    idle = {"to": (), "static": OF_PROGRAMS}.get(answer, OF_SERVICES)
    for word in idle:
        if word in entry:
            file.complain((*keys, word), f"is for a service; it does nothing with {answer}")
    if "fallback" in entry and answer != "static":
        file.complain((*keys, "fallback"), "is for static; it names a file of that folder")
    if "status" in entry and answer != "redirect":
        file.complain((*keys, "status"), "is for a redirect")
    if "strip" in entry and "rewrite" in entry:
        file.complain((*keys, "strip"), "stands beside rewrite; write one of both")


def _target(file: RoutesFile, answer: str, values: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    """Return what an entry leads to: a service with its port, or the content of a file."""
    if answer == "file" and "file" in values:
        kind = mimetypes.guess_type(values["file"])[0] or "text/plain"
        kind += "; charset=utf-8" if kind.startswith("text/") else ""
        return {"text": file.content(values["file"], (*keys, "file")), "content_type": kind}
    match = route_words.SERVICE.fullmatch(values.get("to", ""))
    if match is None:
        return {}
    name, port = match["name"], int(match["port"] or 0)
    backend = file.around.backends.get(name)
    if backend is None:
        hint = nearest(name, file.around.backends)
        file.complain((*keys, "to"), f"there is no service {name}{hint}")
    elif backend.complaint:
        file.complain((*keys, "to"), backend.complaint)
    elif not (port or backend.port):
        text = f"services.{name} says no slipway.port; add the label, or write to: {name}:8000"
        file.complain((*keys, "to"), text)
    elif port > 65535:
        file.complain((*keys, "to"), f"{port} is no port")
    return {"name": name, "port": port or (backend.port if backend else 0)}


def _check_path(file: RoutesFile, route: Route, keys: Keys, entry: Mapping[str, Any]) -> None:
    if route.strip and not f"{route.path}/".startswith(f"{route.strip.rstrip('/')}/"):
        file.complain((*keys, "strip"), f"{route.path} does not begin with {route.strip}")
    if "{rest}" in route.redirect + route.rewrite and not route.path.endswith("/*"):
        word = "redirect" if route.redirect else "rewrite"
        text = f"{{rest}} is what the star stands for, and {route.path} ends without /*"
        file.complain((*keys, word), text)
    if "trailing_slash" in entry and "*" not in route.path and "to" in entry:
        file.complain((*keys, "trailing_slash"), f"{route.path} is written in one way only")


def _guard(file: RoutesFile, entry: Mapping[str, Any], keys: Keys) -> Guard:
    file.demand_known(entry, keys, GUARD)
    guard = Guard(
        file.list(route_words.path, entry, keys, "paths", "path"),
        file.list(route_words.host, entry, keys, "hosts", "host"),
        file.list(route_words.network, entry, keys, "allow"),
        _users(file, entry, (*keys, "basic_auth")),
        file.value(route_words.satisfy, entry, keys, "satisfy") or "all",
        file.value(route_words.switch, entry, keys, "public") or False,
    )
    if guard.public == bool({"allow", "basic_auth"} & entry.keys()):
        file.complain(keys, "write allow or basic_auth, or public: true alone")
    return guard


def _users(file: RoutesFile, entry: Mapping[str, Any], keys: Keys) -> dict[str, str]:
    users = entry.get("basic_auth", {})
    if not isinstance(users, dict) or not all(isinstance(each, str) for each in users.values()):
        file.complain(keys, "must map names to secrets, such as {team: STAGING_PASSWORD}")
        return {}
    if not users and "basic_auth" in entry:
        file.complain(keys, "names nobody, and would let everybody in; write {team: SECRET}")
    for user, secret in users.items():
        if not isinstance(user, str) or not user.isprintable() or not user or ":" in user:
            file.complain(keys, f"{str(user)[:60]!a} is no user's name")
        if secret not in file.around.secrets:
            hint = nearest(secret, file.around.secrets)
            text = f"there is no secret {secret[:60]}{hint}; declare it in compose/settings.yml"
            file.complain((*keys, str(user)), f"{text}, with secret: true")
    return {str(user): secret for user, secret in users.items()}


def _pages(file: RoutesFile, entry: Any) -> dict[str, str]:
    if not isinstance(entry or {}, dict):
        file.complain(("errors",), "must map a status to a page, such as {404: pages/404.html}")
        return {}
    pages = {}
    for key, name in (entry or {}).items():
        if not (ERROR.fullmatch(str(key)) or key == PAGE):
            text = f"{str(key)[:60]!a} is no error; write 404, 503, 4xx, 5xx or {PAGE}"
            file.complain(("errors", str(key)), text)
        pages[str(key)] = file.content(name, ("errors", str(key)))
    return pages
