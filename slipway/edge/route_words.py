"""The words of compose/routes.yml: what each may hold, and what is made of it."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from slipway.edge.routes import METHODS
from slipway.environments import domains
from slipway.suggest import nearest

PATH = re.compile(r"/[^\s,{}?#]*")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
SERVICE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)(?::(?P<port>[0-9]{1,5}))?")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
BYTES = {"KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
REDIRECTS = (301, 302, 303, 307, 308)
OURS = ("x-forwarded-for", "x-real-ip", "forwarded", "host", "connection", "content-length")


class Unfit(ValueError):
    """A value that a word cannot hold; says what to write."""


def path(value: object) -> str:
    if not (isinstance(value, str) and PATH.fullmatch(value)):
        raise Unfit(f"{_shown(value)} is no path; write one, such as /api/*")
    if {".", ".."} & set(value.split("/")):
        raise Unfit(f"{_shown(value)} is no path of a request: . and .. are gone when it comes")
    return value


def host(value: object) -> str:
    text = _text(value, "a name such as shop.example.com")
    if complaint := domains.complaint(text):
        raise Unfit(complaint)
    if len(domains.split(text)) != 1:
        raise Unfit(f"{_shown(value)} is not one name; write hosts: [a.example, b.example]")
    return text.strip().lower()


def method(value: object) -> str:
    name = _text(value, "a method such as POST").upper()
    if name not in METHODS:
        raise Unfit(f"{_shown(value)} is no method{nearest(name, METHODS)}")
    return name


def status_of_redirect(value: object) -> int:
    if value not in REDIRECTS or isinstance(value, bool):
        raise Unfit(f"{_shown(value)} is none of {', '.join(map(str, REDIRECTS))}")
    return int(str(value))


def status(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 400 <= value <= 599:
        raise Unfit(f"{_shown(value)} is no error; write a status from 400 to 599")
    return value


def service(value: object) -> str:
    text = _text(value, "a service, to: api, perhaps with a port, to: api:8001")
    if not SERVICE.fullmatch(text):
        raise Unfit(f"{_shown(value)} is no service; write its name, or name:port")
    return text


def redirect(value: object) -> str:
    text = _template(value, ("host", "query", "rest", "uri"))
    if not re.match(r"https?://[^/]|/(?!/)", text):
        raise Unfit(f"{_shown(value)} leads nowhere; begin it with / or https://")
    return _with_rest_last(text)


def rewrite(value: object) -> str:
    text = _template(value, ("path", "rest"))
    if not text.startswith(("/", "{path}")):
        raise Unfit(f"{_shown(value)} is no path; begin it with /")
    return _with_rest_last(text)


def seconds(value: object) -> int:
    match = re.fullmatch(r"([0-9]{1,6})(s|m|h)", str(value))
    if value in (0, "none") and value is not False:
        return 0
    if match is None:
        raise Unfit(f"{_shown(value)} is no time; write 30s, 5m, or none")
    return int(match[1]) * SECONDS[match[2]]


def size(value: object) -> int:
    match = re.fullmatch(r"([0-9]{1,6}) ?(KB|MB|GB)", str(value), re.IGNORECASE)
    if value in (0, "none") and value is not False:
        return 0
    if match is None:
        raise Unfit(f"{_shown(value)} is no size; write 500KB, 20MB, or none")
    return int(match[1]) * BYTES[match[2].upper()]


def cache(value: object) -> str:
    match = re.fullmatch(r"([0-9]{1,6})(s|m|h|d)", str(value))
    if value == "none":
        return "no-store"
    if match is None:
        text = "write 1h, 30d, or none; more is said with response_headers: {Cache-Control: ...}"
        raise Unfit(f"{_shown(value)} is no time; {text}")
    return f"public, max-age={int(match[1]) * SECONDS[match[2]]}"


def switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise Unfit("must be true or false")
    return value


def slash(value: object) -> str:
    return _one_of(value, ("add", "remove"))


def satisfy(value: object) -> str:
    return _one_of(value, ("all", "any"))


def network(value: object) -> str:
    try:
        return str(ipaddress.ip_network(str(value)))
    except ValueError as error:
        why = "" if "host bits" not in str(error) else "; it has an address in a network"
        text = f"{_shown(value)} is no network{why}; write 10.0.0.0/8 or an address"
        raise Unfit(text) from None


def set_headers(value: object) -> dict[str, str | None]:
    """Read headers to be set; null takes one out."""
    headers = _headers(value, "{X-Frame-Options: DENY}", may_be_null=True)
    for name in headers:
        if name.lower() in OURS:
            raise Unfit(f"{name} is the edge's own; leave it out")
    return headers


def match_headers(value: object) -> dict[str, str]:
    headers = _headers(value, '{X-Version: "2"}, or {X-Version: "*"} for any', may_be_null=False)
    if any(name.lower() == "host" for name in headers):
        raise Unfit("Host is no header here; write host: shop.example beside it")
    return {name: str(text) for name, text in headers.items()}


def text(value: object) -> str:
    return _text(value, "a file beside routes.yml")


def folder(value: object) -> str:
    return _text(value, "a folder, named from beside routes.yml: ../public")


def _headers(value: object, example: str, *, may_be_null: bool) -> dict[str, str | None]:
    if not isinstance(value, Mapping) or not value:
        raise Unfit(f"must be headers, such as {example}")
    headers: dict[str, str | None] = {}
    for name, held in value.items():
        if not HEADER.fullmatch(str(name)):
            raise Unfit(f"{_shown(name)} is no header's name")
        if isinstance(held, bool) or not isinstance(held, str | int | float | None):
            raise Unfit(f"{name}: write its value in quotes")
        if held is None and not may_be_null:
            raise Unfit(f'{name}: write its value, or "*" for any')
        if held is not None and re.search(r"[\r\n]", str(held)):
            raise Unfit(f"{name}: a value has one line")
        headers[str(name)] = None if held is None else str(held)
    return headers


def _template(value: object, known: tuple[str, ...]) -> str:
    template = _text(value, "a path or an address")
    for word in PLACEHOLDER.findall(template):
        if word not in known:
            names = ", ".join(f"{{{name}}}" for name in known)
            raise Unfit(f"{{{word}}} is none of {names}{nearest(word, known)}")
    if re.search(r"[{}\s]", PLACEHOLDER.sub("", template)):
        raise Unfit(f"{_shown(value)} has a brace or a space that belongs to nothing")
    return template


def _with_rest_last(template: str) -> str:
    if "{rest}" in template and not (
        template.endswith("/{rest}") and template.count("{rest}") == 1
    ):
        raise Unfit("{rest} stands at the end, after a slash: /new/{rest}")
    return template


def _one_of(value: object, words: tuple[str, ...]) -> str:
    if value not in words:
        raise Unfit(f"must be {' or '.join(words)}{nearest(str(value), words)}")
    return str(value)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Unfit(f"must be {what}")
    return value


def _shown(value: object) -> str:
    return ascii(str(value)[:60])


Reader = Callable[[object], Any]
ROUTE: Mapping[str, Reader] = {
    "match_headers": match_headers,
    "to": service,
    "redirect": redirect,
    "status": status_of_redirect,
    "file": text,
    "static": folder,
    "fallback": path,
    "strip": path,
    "rewrite": rewrite,
    "trailing_slash": slash,
    "request_headers": set_headers,
    "response_headers": set_headers,
    "cache": cache,
    "compress": switch,
    "sticky": switch,
    "assets": switch,
    "max_body": size,
    "timeout": seconds,
}
LISTS: Mapping[str, tuple[str, Reader]] = {  # by their plural, which one value is written without
    "paths": ("path", path),
    "hosts": ("host", host),
    "methods": ("method", method),
}
# Those of a service alone, of these those that a folder of files has no use for, and those that
# under defaults hold for every service.
OF_SERVICES = (
    *("strip", "rewrite", "trailing_slash", "request_headers", "sticky", "max_body", "timeout"),
    *("intercept", "assets"),
)
OF_PROGRAMS = ("trailing_slash", "request_headers", "sticky", "max_body", "timeout")
DEFAULTS = (
    *("trailing_slash", "request_headers", "response_headers", "cache", "compress", "sticky"),
    *("max_body", "timeout", "intercept"),
)
