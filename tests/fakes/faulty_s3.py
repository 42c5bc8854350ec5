"""A proxy before a real S3 server that does what stores and networks do on bad days."""

import http.client
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

BLOCK = 1 << 16
ERROR = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>"


@dataclass(frozen=True)
class Answer:
    """What the proxy answers by itself: `Answer(503, "SlowDown", times=3)`."""

    status: int
    code: str
    times: int = 1_000_000
    message: str = "as the test wants it"
    more: str = ""  # further XML


@dataclass
class Faults:
    """What goes wrong, by the operation's name: `PutObject`, `UploadPart`, `GetObject`,
    `CreateMultipartUpload`, `CompleteMultipartUpload`, `AbortMultipartUpload`, `HeadObject`,
    `DeleteObject`, `ListObjectsV2`, `ListMultipartUploads`."""

    answers: dict[str, Answer] = field(default_factory=dict)
    cut_upload_at: int | None = None  # bytes of all bodies, then every connection breaks
    cut_downloads_after: list[int] = field(default_factory=list)  # one break each, in turn
    lose_answers: Counter[str] = field(default_factory=Counter)  # done, but nobody is told
    silent: set[str] = field(default_factory=set)  # heard, never answered
    seconds_per_block: float = 0.0
    equal_parts: bool = False  # as R2 has it: all but the last
    max_parts: int = 10_000


class FaultyS3:
    """`with FaultyS3(s3.port) as proxy: proxy.faults.silent.add("UploadPart")`; the store is then
    at `proxy.endpoint`. It remembers what was asked and how long each part was."""

    def __init__(self, port: int, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.asked: list[str] = []
        self.parts: dict[str, dict[int, int]] = defaultdict(dict)
        self._behind = port
        self._sent = 0
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def __getattr__(self, name: str) -> object:
                if name.startswith("do_"):
                    return self.pass_on
                raise AttributeError(name)

            def handle_expect_100(self) -> bool:
                return True  # said when the body is wanted

            def pass_on(self) -> None:
                with suppress(ConnectionError, http.client.HTTPException):
                    if proxy._serve(self):
                        return
                self.close_connection = True

        return Handler

    def _serve(self, asking: BaseHTTPRequestHandler) -> bool:
        """Serve one request; false when the connection is to break."""
        operation = name_operation(asking.command, asking.path)
        with self._lock:
            self.asked.append(operation)
        if operation in self.faults.silent:
            self._over.wait()
            return False
        answer = self._own_answer(operation, asking)
        if answer:
            return self._say(asking, answer)
        return self._relay(operation, asking)

    def _own_answer(self, operation: str, asking: BaseHTTPRequestHandler) -> Answer | None:
        with self._lock:
            answer = self.faults.answers.get(operation)
            if answer and answer.times:
                left = Answer(
                    answer.status, answer.code, answer.times - 1, answer.message, answer.more
                )
                self.faults.answers[operation] = left
                return answer
            return self._against_rules(operation, asking)

    def _against_rules(self, operation: str, asking: BaseHTTPRequestHandler) -> Answer | None:
        """The rules of stores about parts, as R2 and Scaleway have them."""
        asked = parse_qs(urlsplit(asking.path).query)
        if operation == "UploadPart":
            number = int(asked["partNumber"][0])
            self.parts[asked["uploadId"][0]][number] = int(asking.headers["Content-Length"])
            if number > self.faults.max_parts:
                return Answer(400, "InvalidArgument", message="too many parts")
        if operation == "CompleteMultipartUpload" and self.faults.equal_parts:
            sizes = [size for _, size in sorted(self.parts[asked["uploadId"][0]].items())]
            if len(set(sizes[:-1])) > 1 or sizes[-1] > sizes[0]:
                return Answer(400, "InvalidPart", message="parts must have the same length")
        return None

    def _say(self, asking: BaseHTTPRequestHandler, answer: Answer) -> bool:
        """Answer by ourselves; a body that waits to be wanted never comes."""
        if not asking.headers.get("Expect"):
            asking.rfile.read(int(asking.headers.get("Content-Length") or 0))
        text = ERROR.format(code=answer.code, message=answer.message, more=answer.more).encode()
        asking.send_response(answer.status)
        asking.send_header("Content-Length", str(len(text)))
        asking.send_header("Content-Type", "application/xml")
        asking.send_header("Connection", "close")
        asking.end_headers()
        if asking.command != "HEAD":
            asking.wfile.write(text)
        return False

    def _relay(self, operation: str, asking: BaseHTTPRequestHandler) -> bool:
        behind = http.client.HTTPConnection("127.0.0.1", self._behind, timeout=60)
        try:
            behind.putrequest(
                asking.command, asking.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in asking.headers.items():
                if name.lower() not in ("expect", "connection"):
                    behind.putheader(name, value)
            behind.endheaders()
            if asking.headers.get("Expect"):
                asking.send_response_only(100)
                asking.end_headers()
            if not self._relay_body(asking, behind):
                return False
            answer = behind.getresponse()
            with self._lock:
                lost = self.faults.lose_answers[operation] > 0
                self.faults.lose_answers[operation] -= 1
            if lost:
                answer.read()
                return False
            return self._relay_answer(operation, asking, answer)
        finally:
            behind.close()

    def _relay_body(
        self, asking: BaseHTTPRequestHandler, behind: http.client.HTTPConnection
    ) -> bool:
        left = int(asking.headers.get("Content-Length") or 0)
        while left:
            block = asking.rfile.read(min(BLOCK, left))
            if not block:
                return False
            with self._lock:
                self._sent += len(block)
                cut = self.faults.cut_upload_at
                if cut is not None and self._sent > cut:
                    return False
            behind.send(block)
            left -= len(block)
            time.sleep(self.faults.seconds_per_block)
        return True

    def _relay_answer(
        self, operation: str, asking: BaseHTTPRequestHandler, answer: http.client.HTTPResponse
    ) -> bool:
        asking.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding"):
                asking.send_header(name, value)
        has_length = answer.getheader("Content-Length") is not None
        if not has_length and answer.status != 204:
            asking.send_header("Connection", "close")
        asking.end_headers()
        with self._lock:
            cuts = self.faults.cut_downloads_after
            left = cuts.pop(0) if operation == "GetObject" and cuts else None
        for block in iter(lambda: answer.read(BLOCK), b""):
            asking.wfile.write(block if left is None else block[:left])
            left = None if left is None else left - len(block)
            if left is not None and left <= 0:
                return False
            time.sleep(self.faults.seconds_per_block)
        return has_length or answer.status == 204


def name_operation(method: str, path: str) -> str:
    """Say which operation of S3 a request is."""
    url = urlsplit(path)
    asked = parse_qs(url.query, keep_blank_values=True)
    if "uploads" in asked:
        return "CreateMultipartUpload" if method == "POST" else "ListMultipartUploads"
    if "partNumber" in asked:
        return "UploadPart"
    if "uploadId" in asked:
        return {"POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}[method]
    if re.fullmatch(r"/[^/]+/?", url.path):
        return "ListObjectsV2"
    return f"{method.title()}Object"


def chunks(size: int, each: int = 1 << 20) -> Iterator[bytes]:
    """Make a stream of this many bytes, different at each place."""
    made = 0
    while made < size:
        block = made.to_bytes(8, "big") * (each // 8)
        yield block[: size - made]
        made += len(block[: size - made])
