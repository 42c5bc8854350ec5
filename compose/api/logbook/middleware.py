"""Around every request: its id, its log line, the release's headers, and the same-origin check."""

import logging
import re
import time
import uuid
from asyncio import Event
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from logbook.logs import request_id
from logbook.settings import Release

GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
PROBES = ("/up", "/ready", "/version")
SAFE = ("GET", "HEAD", "OPTIONS")
# None of these answers is a page: whatever stands in one, a browser shows or runs nothing of it.
CAREFUL = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

log = logging.getLogger("logbook.access")


class Wrapper:
    """Plain ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp, release: Release, draining: Event) -> None:
        self._app = app
        self._release = release
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope)
        identity = given.get("x-request-id", "")
        request_id.set(identity if GIVEN_ID.fullmatch(identity) else uuid.uuid4().hex)
        started = time.monotonic()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(MutableHeaders(scope=message))
            await send(message)

        try:
            if _is_foreign(scope["method"], given):
                answer = JSONResponse({"error": "This request comes from another site."}, 403)
                await answer(scope, receive, send_with_headers)
            else:
                await self._app(scope, receive, send_with_headers)
        except Exception as error:
            log.error("unforeseen failure", exc_info=error)
            if status:
                raise  # half an answer is out; end the connection
            sentence = f"Something went wrong here; the log names it as {request_id.get()}."
            await JSONResponse({"error": sentence}, 500)(scope, receive, send_with_headers)
        finally:
            _log(scope, status, time.monotonic() - started)

    def _add_headers(self, headers: MutableHeaders) -> None:
        headers["X-Request-Id"] = request_id.get()
        headers["X-Release"] = self._release.release
        headers["X-Colour"] = self._release.colour
        headers.update(CAREFUL)
        headers.setdefault("Cache-Control", "no-store")
        if self._draining.is_set():
            # Whoever keeps this connection open must not send the next request into its end.
            headers["Connection"] = "close"


def _is_foreign(method: str, headers: Headers) -> bool:
    if method in SAFE:
        return False
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    try:
        return origin is not None and urlsplit(origin).netloc != headers.get("host")
    except ValueError:  # http://[
        return True


def _log(scope: Scope, status: int, seconds: float) -> None:
    level = logging.DEBUG if scope["path"] in PROBES else logging.INFO
    if log.isEnabledFor(level):
        fields = {
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
        log.log(level, "%s %s %d", scope["method"], scope["path"], status, extra={"fields": fields})
