"""What the edge answers when no service does: a team's own pages to browsers, JSON to the rest."""

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.edge import handlers, headers

Handler = dict[str, Any]

RETRY_AFTER = "2"
AWAY = "{http.error.status_code} in [502, 503, 504]"  # all of them are “try again”, a 503
HTML = {"header": {"Accept": ["*text/html*"]}}
NOT_FOUND = "No such page."
NOT_DEPLOYED = "Nothing is deployed here yet."
# A page may bring its own style and show its own pictures, and run nothing.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def nothing(deployed: bool, pages: Mapping[str, str]) -> Handler:
    """Answer what no route takes; Caddy itself would say 200 with no body."""
    if not deployed:
        again = {"Retry-After": [RETRY_AFTER]}
        return {"handle": [_text(503, NOT_DEPLOYED, {**headers.OWN, **again})]}
    if _page(pages, 404):
        return {"handle": [{"handler": "error", "status_code": 404}]}
    return {"handle": [_text(404, NOT_FOUND, headers.OWN)]}


def of(pages: Mapping[str, str]) -> list[Handler]:
    """Return the answers to errors; the team's pages first."""
    return [*_own(pages), _not_found(), _unavailable(), _other()]


def _own(pages: Mapping[str, str]) -> Iterator[Handler]:
    for status, text in sorted(pages.items()):  # 404 comes before 4xx
        if status.isalpha():  # the page of a maintenance is no answer to an error
            continue
        yield _shown(_condition(status), text)


def _condition(status: str) -> str:
    code = "{http.error.status_code}"
    if status.endswith("xx"):
        return f"{code} >= {status[0]}00 && {code} <= {status[0]}99"
    return AWAY if status == "503" else f"{code} == {status}"


def _shown(condition: str, text: str) -> Handler:
    fields = {
        **headers.OWN,
        "Content-Security-Policy": [POLICY],
        "Content-Type": ["text/html; charset=utf-8"],
        "Cache-Control": ["no-store"],
    }
    page = {"handler": "static_response", "headers": fields, "body": handlers.verbatim(text)}
    away = page | {"status_code": 503, "headers": {**fields, "Retry-After": [RETRY_AFTER]}}
    routes = [
        {"match": [{"expression": AWAY}], "handle": [away], "terminal": True},
        {"handle": [page | {"status_code": "{http.error.status_code}"}]},
    ]
    matcher = {"expression": condition, **HTML}
    return {
        "match": [matcher],
        "handle": [{"handler": "subroute", "routes": routes}],
        "terminal": True,
    }


def _page(pages: Mapping[str, str], status: int) -> str:
    return pages.get(str(status), "") or pages.get(f"{status // 100}xx", "")


def _not_found() -> Handler:
    matcher = {"expression": "{http.error.status_code} == 404"}
    return {"match": [matcher], "handle": [_text(404, NOT_FOUND, headers.OWN)], "terminal": True}


def _unavailable() -> Handler:
    """Say “try again” instead of an empty error when no replica answers."""
    text = "The service is not available right now; try again."
    return {
        "match": [{"expression": AWAY}],
        "handle": [_text(503, text, {"Retry-After": [RETRY_AFTER]})],
        "terminal": True,
    }


def _other() -> Handler:
    """Say which error it is, where Caddy would say nothing."""
    answer = _text(0, "{http.error.status_text}.", headers.OWN)
    return {"handle": [answer | {"status_code": "{http.error.status_code}"}]}


def _text(status: int, text: str, fields: Mapping[str, list[str]]) -> Handler:
    """Answer in JSON, which programs read and people too."""
    return {
        "handler": "static_response",
        "status_code": status,
        "headers": {**fields, "Content-Type": ["application/json"]},
        "body": f'{{"error":"{text}"}}',
    }
