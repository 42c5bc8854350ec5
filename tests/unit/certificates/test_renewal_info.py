"""When an authority wants a certificate renewed, asked over HTTP, no more often than it likes."""

import datetime
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from slipway.certificates.renewal_info import (
    HOUR,
    LONGEST,
    NEVER,
    PAUSE,
    RenewalInfo,
    identifier,
    identifier_of,
)
from tests.fakes.certificates import NOW, make, sign

START, END = NOW + datetime.timedelta(days=20), NOW + datetime.timedelta(days=22)
ROOT = sign("Root")
SHOP = sign("shop", ["a.test"], by=ROOT)


class Authority(HTTPServer):
    """Answers with a directory and a window; `paths` are what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.paths: list[str] = []
        self.window: dict[str, str] = {"start": START.isoformat(), "end": END.isoformat()}
        self.retry_after = ""
        self.knows_renewal_info = True
        self.now = NOW.timestamp()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def asks(self) -> RenewalInfo:
        return RenewalInfo(f"{self.url}/directory", clock=lambda: self.now)


class _Handler(BaseHTTPRequestHandler):
    server: Authority

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        known = {"renewalInfo": f"{self.server.url}/info"} if self.server.knows_renewal_info else {}
        document: dict[str, Any] = {"newOrder": "…", **known}
        if self.path != "/directory":
            document = {"suggestedWindow": self.server.window}
        self.send_response(200)
        if self.server.retry_after:
            self.send_header("Retry-After", self.server.retry_after)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def authority() -> Iterator[Authority]:
    with Authority() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_it_is_renewed_at_one_moment_of_the_window_whoever_asks(authority: Authority) -> None:
    suggested = authority.asks().suggested(SHOP.pem)
    assert START.timestamp() <= suggested < END.timestamp()
    assert authority.asks().suggested(SHOP.pem) == suggested
    assert authority.paths[:2] == ["/directory", f"/info/{identifier(SHOP.pem)}"]


@pytest.mark.parametrize(
    ("retry_after", "pause"), [("", PAUSE), ("7200", 2 * HOUR), ("9999999", LONGEST), ("1", 60.0)]
)
def test_it_is_asked_no_more_often_than_the_authority_likes(
    authority: Authority, retry_after: str, pause: float
) -> None:
    authority.retry_after = retry_after
    asks = authority.asks()
    before = asks.suggested(SHOP.pem)
    authority.now += pause - 1
    over = NOW - datetime.timedelta(days=1)  # it revokes
    authority.window = dict.fromkeys(("start", "end"), over.isoformat().replace("+00:00", "Z"))
    assert asks.suggested(SHOP.pem) == before and len(authority.paths) == 2
    authority.now += 1
    assert asks.suggested(SHOP.pem) == over.timestamp()


def test_an_authority_that_knows_nothing_of_it_or_fails_suggests_nothing(
    authority: Authority,
) -> None:
    authority.window = {"start": "soon"}
    assert authority.asks().suggested(SHOP.pem) == NEVER
    authority.knows_renewal_info = False
    assert authority.asks().suggested(SHOP.pem) == NEVER
    assert RenewalInfo("http://127.0.0.1:1/directory").suggested(SHOP.pem) == NEVER
    asked = len(authority.paths)
    assert authority.asks().suggested(make(["a.test"])[0]) == NEVER, "it names no signer"
    assert len(authority.paths) == asked


def test_what_was_suggested_holds_while_the_authority_is_away(authority: Authority) -> None:
    asks = authority.asks()
    before = asks.suggested(SHOP.pem)
    asks.directory = "http://127.0.0.1:1/directory"
    authority.now += PAUSE
    assert asks.suggested(SHOP.pem) == before < NEVER


def test_a_certificate_is_named_as_the_standard_has_it() -> None:
    """The example of RFC 9773, 4.1."""
    signer = bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4")
    assert identifier_of(signer, 0x87654321) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
