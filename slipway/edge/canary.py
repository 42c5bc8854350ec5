"""A share of the visitors for a new colour: who is one of them, as Caddy's configuration says it.

A visitor is four random hex digits in a cookie, too few to know anybody again by. While a canary
runs, there is a file that says until when, and others with the share, the colour, and what visitors
are drawn by. They are read for each request, so nothing is reloaded, and a canary that nobody
renews ends by its file.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from slipway.edge import draw, headers

COOKIE = "canary"
HEADER = "X-Canary"  # of those who test: always, or never
DIGITS = draw.DIGITS
FOLDER = "/tmp"  # noqa: S108  of the edge's own container
FILE = "canary.{}.{}"  # until, share, colour or by; of which routes
ADDRESS = "address"  # by which visitors are drawn who have no cookie; else by chance
COOKIE_SECONDS = 24 * 60 * 60
LEAST_SHARE, MOST_SHARE = 1, 50
FIRST, LAST = "0" * DIGITS, "f" * DIGITS  # a visitor who is always in, and one who never is
# Caddy counts what passes a handler of a named route, and not what passes one inside a subroute.
# By these handlers, which do nothing to a request, it tells colours apart (figures.py).
SERVICE, CANARY = "service", "canary"

Handler = dict[str, Any]

MARKS: Mapping[str, Handler] = {
    SERVICE: {"handler": "vars"},
    CANARY: {"handler": "log_append", "key": "canary", "value": "yes"},
}


def threshold(share: int) -> str:
    """Return what the digits of that share of all visitors, in per cent, are below."""
    return f"{round(share * 16**DIGITS / 100):0{DIGITS}x}"


def colour_of(colour: str) -> str:
    """Name the colour that a canary's visitors meet; of a placeholder, its neighbour."""
    return colour.replace("/tmp/colour.", f"{FOLDER}/canary.colour.") or "canary"  # noqa: S108  theirs


def named_routes(*, can_share: bool) -> dict[str, Handler]:
    """Return what each request to a service passes, so that it is counted, and what draws."""
    drawn = {ADDRESS: {"handle": [draw.by_address("visitor")]}} if can_share else {}
    return {**{name: {"handle": [mark]} for name, mark in MARKS.items()}, **drawn}


def mark(name: str) -> Handler:
    """Have a request pass what is named so: it is counted by that, or its digits are drawn."""
    return {"handler": "invoke", "name": name}


def is_visitor() -> Handler:
    """Return the condition of a request that the canary's colour answers."""
    return {"vars": {"in_canary": ["yes"]}}


def name_of(serving: str, new: str) -> str:
    """Name the routes of a canary next to those that serve, by the names of both."""
    return hashlib.sha256(f"{serving} {new}".encode()).hexdigest()[:12]


def id_of(name: str) -> str:
    """Name the routes of a canary that has others, as an edge is asked whether it has them."""
    return f"canary-{name}"


def choose(digest: str, *, is_secure: bool, is_first: bool = False) -> list[Handler]:
    """Return what decides, while a canary runs, which colour answers.

    Where it `is_first`, the edge's own answers have yet to come; they are nobody's.
    """
    until, share, by = (
        f"{{file.{FOLDER}/{FILE.format(each, digest)}}}" for each in ("until", "share", "by")
    )
    # Words are compared, of one length each: an expression that fails would fail the request.
    read = {"handler": "vars", "now": "{time.now.unix}", "until": until}
    read |= {"share": share, "by": by}
    runs = {"expression": "{http.vars.now} < {http.vars.until}"}
    is_in = {"expression": "{http.vars.visitor} < {http.vars.share}"}
    decide = [
        *_visitor(is_secure=is_secure),
        {"match": [is_in], "handle": [{"handler": "vars", "in_canary": "yes"}]},
    ]
    there: Handler = {"file": {"root": FOLDER, "try_files": [FILE.format("until", digest)]}}
    if is_first:
        there["not"] = [{"path": [headers.UP]}]
    while_it_runs = {"match": [runs], "handle": [subroute(decide)]}
    return [{"match": [there], "handle": [subroute([{"handle": [read]}, while_it_runs])]}]


def for_visitors(routes: Sequence[Handler]) -> Handler:
    """Have these routes answer a canary's visitors, and nobody else."""
    return {"match": [is_visitor()], "handle": [subroute(routes)], "terminal": True}


def _visitor(*, is_secure: bool) -> list[Handler]:
    """Know a visitor by the header or the cookie; give a cookie to whoever has neither.

    Digits drawn at the first request become the cookie, so all later ones are decided as it was.
    """
    digits = f"([0-9a-f]{{{DIGITS}}})"
    known = {"handler": "vars", "visitor": "{http.regexp.visitor.1}"}
    cookie = f"{COOKIE}={{http.vars.visitor}}; Path=/; Max-Age={COOKIE_SECONDS}"
    cookie += f"; HttpOnly; SameSite=Lax{'; Secure' if is_secure else ''}"
    give = {"handler": "headers", "response": {"add": {"Set-Cookie": [cookie]}}}
    brought = {"Cookie": {"name": "visitor", "pattern": f"(?:^|;\\s*){COOKIE}={digits}(?:;|$)"}}
    drawn = {"{http.request.uuid}": {"name": "visitor", "pattern": f"^{digits}"}}
    ways: list[tuple[Handler, list[Handler]]] = [
        ({"header": {HEADER: ["always"]}}, [{"handler": "vars", "visitor": FIRST}]),
        ({"header": {HEADER: ["never"]}}, [{"handler": "vars", "visitor": LAST}]),
        ({"header_regexp": brought}, [known]),
        ({"vars": {"by": [ADDRESS]}}, [mark(ADDRESS), give]),
        ({"vars_regexp": drawn}, [known, give]),
    ]
    return [{"group": "visitor", "match": [way], "handle": handle} for way, handle in ways]


def subroute(routes: Sequence[Handler]) -> Handler:
    """Return a handler of routes of its own."""
    return {"handler": "subroute", "routes": list(routes)}
