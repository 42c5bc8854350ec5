"""A share of the visitors for a new colour: who is one of them, as Caddy's configuration says it.

A visitor is four random hex digits in a cookie, too few to know anybody again by. While a canary
runs, there is a file that says until when, one with the share, and one with the colour; they are
read for each request, so nothing is reloaded, and a canary that nobody renews ends by its file.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from slipway.edge.routes import Route

COOKIE = "canary"
HEADER = "X-Canary"  # of those who test: always, or never
DIGITS = 4
FOLDER = "/tmp"  # noqa: S108  of the edge's own container
FILE = "canary.{}.{}"  # until, share or colour; of which routes
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


def named_routes() -> dict[str, Handler]:
    """Return what each request to a service passes, so that it is counted."""
    return {name: {"handle": [mark]} for name, mark in MARKS.items()}


def mark(name: str) -> Handler:
    """Count a request as one of the release that serves, or of its canary."""
    return {"handler": "invoke", "name": name}


def is_visitor() -> Handler:
    """Return the condition of a request that the canary's colour answers."""
    return {"vars": {"in_canary": ["yes"]}}


def choose(routes: Sequence[Route], digest: str, *, is_secure: bool) -> list[Handler]:
    """Return what decides, while a canary runs, which colour answers; nothing where none can."""
    if not any(route.canary for route in routes):
        return []
    until, share = (f"{{file.{FOLDER}/{FILE.format(each, digest)}}}" for each in ("until", "share"))
    # Words are compared, of one length each: an expression that fails would fail the request.
    read = {"handler": "vars", "now": "{time.now.unix}", "until": until, "share": share}
    runs = {"expression": "{http.vars.now} < {http.vars.until}"}
    is_in = {"expression": "{http.vars.visitor} < {http.vars.share}"}
    decide = [
        *_visitor(is_secure=is_secure),
        {"match": [is_in], "handle": [{"handler": "vars", "in_canary": "yes"}]},
    ]
    there = {"file": {"root": FOLDER, "try_files": [FILE.format("until", digest)]}}
    while_it_runs = {"match": [runs], "handle": [_subroute(decide)]}
    return [{"match": [there], "handle": [_subroute([{"handle": [read]}, while_it_runs])]}]


def _visitor(*, is_secure: bool) -> list[Handler]:
    """Know a visitor by the header or the cookie; give a cookie to whoever has neither.

    The digits of the first request become the cookie, so all later ones are decided as it was.
    """
    digits = f"([0-9a-f]{{{DIGITS}}})"
    known = {"handler": "vars", "visitor": "{http.regexp.visitor.1}"}
    cookie = f"{COOKIE}={{http.regexp.visitor.1}}; Path=/; Max-Age={COOKIE_SECONDS}"
    cookie += f"; HttpOnly; SameSite=Lax{'; Secure' if is_secure else ''}"
    give = {"handler": "headers", "response": {"add": {"Set-Cookie": [cookie]}}}
    brought = {"Cookie": {"name": "visitor", "pattern": f"(?:^|;\\s*){COOKIE}={digits}(?:;|$)"}}
    drawn = {"{http.request.uuid}": {"name": "visitor", "pattern": f"^{digits}"}}
    ways: list[tuple[Handler, list[Handler]]] = [
        ({"header": {HEADER: ["always"]}}, [{"handler": "vars", "visitor": FIRST}]),
        ({"header": {HEADER: ["never"]}}, [{"handler": "vars", "visitor": LAST}]),
        ({"header_regexp": brought}, [known]),
        ({"vars_regexp": drawn}, [known, give]),
    ]
    return [{"group": "visitor", "match": [way], "handle": handle} for way, handle in ways]


def _subroute(routes: Sequence[Handler]) -> Handler:
    return {"handler": "subroute", "routes": list(routes)}
