"""An environment that is closed for a while: who still passes, and the page that the others get."""

import html
from collections.abc import Mapping
from email.utils import format_datetime
from typing import Any

from slipway.edge import handlers, headers
from slipway.edge.error_pages import HTML, POLICY
from slipway.edge.routes import Maintenance

Handler = dict[str, Any]

PAGE = "maintenance"  # the name of the team's own page among those of errors
USUAL_WAIT = 120  # seconds, where no end was named
UNKNOWN_END = "soon"
OWN_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Back soon</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { margin: 0; min-height: 100vh; display: grid; place-items: center; color: #1d2733;
  background: #f4f6f8; font: 1.1rem/1.6 system-ui, sans-serif; }
main { max-width: 34rem; padding: 2rem; text-align: center; }
h1 { font-size: 1.9rem; margin: 0 0 .6rem; }
p { margin: .4rem 0; } .until { color: #5b6775; font-size: .95rem; }
@media (prefers-color-scheme: dark) { body { color: #e6ebf0; background: #14191f; }
  .until { color: #94a1af; } }
</style></head>
<body><main><h1>Back soon</h1><p>{message}</p><p class="until">Expected: {until}</p></main></body>
</html>
"""


def of(maintenance: Maintenance | None, pages: Mapping[str, str]) -> list[Handler]:
    """Return what answers everybody who does not pass, before any route; nothing when open."""
    if maintenance is None:
        return []
    until = maintenance.until
    again = format_datetime(until, usegmt=True) if until else str(USUAL_WAIT)
    fields = {**headers.OWN, "Retry-After": [again], "Cache-Control": ["no-store"]}
    page = {
        "handler": "static_response",
        "status_code": 503,
        "headers": {
            **fields,
            "Content-Security-Policy": [POLICY],
            "Content-Type": ["text/html; charset=utf-8"],
        },
        "body": handlers.verbatim(_filled(pages.get(PAGE) or OWN_PAGE, maintenance)),
    }
    text = {
        "handler": "static_response",
        "status_code": 503,
        "headers": {**fields, "Content-Type": ["application/json"]},
        "body": '{"error":"closed for maintenance; try again later"}',
    }
    stranger = [{"not": [{"client_ip": {"ranges": list(maintenance.allow)}}]}]
    routes = [
        {"match": [HTML], "handle": [page], "terminal": True},
        {"handle": [text], "terminal": True},
    ]
    answer = {"handle": [{"handler": "subroute", "routes": routes}], "terminal": True}
    return [{**({"match": stranger} if maintenance.allow else {}), **answer}]


def _filled(page: str, maintenance: Maintenance) -> str:
    """Put in what was said, as text and never as markup."""
    until = maintenance.until
    words = {
        "{message}": maintenance.message,
        "{until}": f"{until:%Y-%m-%d %H:%M} UTC" if until else UNKNOWN_END,
    }
    for place, word in words.items():
        page = page.replace(place, html.escape(word))
    return page
