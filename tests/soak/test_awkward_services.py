"""Services that hold connections, start slowly, or are deaf to SIGTERM, deployed under load."""

import contextlib
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.e2e.checkout import Checkout, docker
from tests.load.running import load
from tests.soak.rows import Rows
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
CHAT = Path(__file__).parent / "standins/chat"
COMPOSE = "compose/compose.yml"
DEPLOY = ("deploy", "--env=testing")
RATE = 20.0  # requests a second: constant, and little beside a deploy
DRAIN, GRACE, BOOT = 6, 20, 15  # seconds
LATE = 2.0  # seconds that an event may take through edge and engine, however busy these are
TEXT, CLOSE, GOING_AWAY = 0x81, 0x88, 1001
SERVICE = f"""
  chat:
    image: ${{PROJECT}}/chat
    build: ./chat
    environment: {{BOOT_SECONDS: "0", DEAF: ""}}
    networks: [edge]
    init: true
    read_only: true
    healthcheck:
      test: [CMD, python, -c, "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/')"]
      start_period: 120s
      start_interval: 1s
    stop_grace_period: {GRACE}s
    deploy:
      replicas: 1
      labels: {{slipway.role: colour, slipway.route: /chat/*, slipway.port: "8000"}}
      resources: {{limits: {{memory: 128M, pids: 200}}}}

  api:
"""


@pytest.fixture(scope="module")
def chat(project: Checkout) -> Checkout:
    """The clone with a service for chats, deployed to testing without a time to keep it warm."""
    shutil.copytree(CHAT, project.path("compose/chat"))
    project.replace(COMPOSE, "\n  api:\n", SERVICE)
    project.shrink("testing")
    project.set("testing", DRAIN_TIMEOUT=str(DRAIN), KEEP_WARM="0")
    project.commit("Chat")
    project.inv(*DEPLOY).expect()
    return project


def address(chat: Checkout) -> str:
    return f"http://127.0.0.1:{chat.setting('testing', 'HTTP_PORT')}"


def serving(chat: Checkout) -> str:
    return httpx.get(f"{address(chat)}/chat/", timeout=10).text


def change(chat: Checkout, **variables: str) -> None:
    """Give the service other variables, and nothing else."""
    before = next(line for line in chat.path(COMPOSE).read_text().splitlines() if "DEAF:" in line)
    now = {"BOOT_SECONDS": "0", "DEAF": "", **variables}
    inside = ", ".join(f'{key}: "{value}"' for key, value in now.items())
    chat.replace(COMPOSE, before, f"    environment: {{{inside}}}")
    chat.commit(f"Chat with {variables}")


@contextlib.contextmanager
def under_load(chat: Checkout, records: Path, *releases: str) -> Iterator[None]:
    """Send requests for a block: none fails, and exactly these releases answer."""
    urls = [f"{address(chat)}{path}" for path in ("/chat/", "/api/version")]
    with load(urls, records, rate=RATE) as traffic:
        yield
    assert traffic.failed == 0, traffic.run.summary()
    assert traffic.run.releases() == set(releases), traffic.run.summary()


@dataclass
class Listener:
    """Somebody with an event stream open: how late each event came, and of which release."""

    url: str
    releases: set[str] = field(default_factory=set)
    delays: list[float] = field(default_factory=list)
    ended: float = 0.0

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        wait_until("an event came", lambda: bool(self.delays))

    def wait(self) -> None:
        self._thread.join(120)
        assert self.ended

    def _listen(self) -> None:
        with (
            contextlib.suppress(httpx.RemoteProtocolError),  # it ends without a last chunk
            httpx.stream("GET", f"{self.url}/chat/events", timeout=60) as stream,
        ):
            for line in filter(None, stream.iter_lines()):
                _, release, at = line.split()
                self.releases.add(release)
                self.delays.append(time.time() - float(at))
        self.ended = time.monotonic()


class Talker:
    """Somebody with a websocket open."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=60)
        head = f"GET /chat/socket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n"
        head += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        self._socket.sendall(f"{head}Sec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\n\r\n".encode())
        self._stream = self._socket.makefile("rb")
        assert b" 101 " in self._stream.readline()
        while self._stream.readline() != b"\r\n":
            pass

    def ask(self) -> str:
        """Send a frame; return the release that answers."""
        self._socket.sendall(bytes([TEXT, 0x80 | 2, 0, 0, 0, 0]) + b"hi")  # masked by nothing
        kind, text = self._frame()
        assert kind == TEXT
        return text.decode()

    def close_code(self) -> int:
        """Wait for the frame that closes it, and for the end behind that; return its code."""
        kind, code = self._frame()
        assert (kind, self._stream.read()) == (CLOSE, b"")
        return int.from_bytes(code, "big")

    def _frame(self) -> tuple[int, bytes]:
        kind, length = self._stream.read(2)
        return kind, self._stream.read(length)


def test_streams_and_requests_stay_until_the_drain_timeout_and_end_properly(
    chat: Checkout, rows: Rows, tmp_path: Path
) -> None:
    app, url = f"{chat.project}-testing", address(chat)
    old, new = serving(chat), str(int(serving(chat)) + 1)
    change(chat, SAID="other")
    slow: list[httpx.Response] = []
    ask = threading.Thread(target=lambda: slow.append(httpx.get(f"{url}/chat/slow", timeout=300)))
    ask.start()
    listener, talker = Listener(url), Talker(url)
    before = standing(app)
    with rows.measure("streams over a cutover", f"DRAIN_TIMEOUT={DRAIN}") as row:
        with under_load(chat, tmp_path / "records", old, new):
            deploying = chat.begin(*DEPLOY)
            deploying.wait_for("✓ cut over")
            cut = time.monotonic()
            assert (serving(chat), talker.ask()) == (new, old)
            assert talker.close_code() == GOING_AWAY
            closed = time.monotonic() - cut
            text = deploying.wait().expect().text
        listener.wait()
        ask.join(120)
        row.result = f"closed {closed:.1f} s after it, events at most {max(listener.delays):.2f} s"
    assert closed >= DRAIN and listener.ended - cut >= DRAIN
    assert listener.releases == {old} and max(listener.delays) < LATE
    assert "3 requests were still open after DRAIN_TIMEOUT and were ended" in text
    assert [answer.status_code for answer in slow] == [503]
    # Only settings of one service differed: what keeps data, operates and leads in was not touched.
    assert len(before) >= 3 and standing(app) == before


def standing(app: str) -> set[str]:
    """Return the containers of what is not replaced by colour."""
    names = docker("ps", "--format", "{{.Names}}", "--filter", f"name={app}-").split()
    parts = ("data", "ops", "edge")
    return {name for name in names if name.startswith(tuple(f"{app}-{part}_" for part in parts))}


def test_a_service_that_takes_its_time_to_listen_gets_no_request_before(
    chat: Checkout, rows: Rows, tmp_path: Path
) -> None:
    old, new = serving(chat), str(int(serving(chat)) + 1)
    chat.replace(COMPOSE, "replicas: 1\n", "replicas: 2\n")  # and it is scaled up
    change(chat, BOOT_SECONDS=str(BOOT))
    with rows.measure("a service that boots slowly", f"{BOOT} s") as row:
        with under_load(chat, tmp_path / "first", old, new):
            done = chat.inv(*DEPLOY, "--json").expect()
        (fill,) = (each["seconds"] for each in done.json["timings"] if each["step"] == "fill")
        row.result = f"filled in {fill:.0f} s, 0 requests failed"
    assert fill >= BOOT

    patience = chat.setting("common", "HEALTH_TIMEOUT")
    change(chat, BOOT_SECONDS="300")
    chat.set("common", HEALTH_TIMEOUT=str(BOOT))
    chat.commit("Less patience")
    with under_load(chat, tmp_path / "second", new):
        failed = chat.inv(*DEPLOY).expect(4)
    chat.set("common", HEALTH_TIMEOUT=patience)
    assert f"not healthy after {BOOT} s" in failed.text and "serves as before" in failed.text
    assert failed.seconds < 100, "it is not waited for beyond that"


def test_a_service_that_is_deaf_to_sigterm_is_killed_and_holds_up_no_deploy(
    chat: Checkout, rows: Rows, tmp_path: Path
) -> None:
    app = f"{chat.project}-testing"
    chat.replace(COMPOSE, "replicas: 2\n", "replicas: 1\n")
    change(chat, DEAF="yes")
    chat.inv(*DEPLOY).expect()
    old, new = serving(chat), str(int(serving(chat)) + 1)
    running = ("ps", "--quiet", "--filter", f"name={app}-.*_chat-")
    wait_until("it is alone", lambda: len(docker(*running).split()) == 1)
    deaf = docker(*running)
    change(chat)
    with rows.measure("a service deaf to SIGTERM", f"stop_grace_period: {GRACE}s") as row:
        with under_load(chat, tmp_path / "records", old, new):
            done = chat.inv(*DEPLOY, "--json").expect()
        took = {each["step"]: each["seconds"] for each in done.json["timings"]}
        stopped = time.monotonic()
        wait_until("it was killed", lambda: deaf not in docker(*running), timeout=3 * GRACE)
        row.result = f"drained in {took['drain']:.1f} s, killed {time.monotonic() - stopped:.0f} s "
        row.result += "after the deploy"
    assert took["drain"] < GRACE, "nothing waits for it"


def test_the_same_commit_is_deployed_again_after_a_rollback(chat: Checkout, tmp_path: Path) -> None:
    old = serving(chat)
    chat.inv("rollback", "--env=testing").expect()
    assert serving(chat) != old
    with under_load(chat, tmp_path / "records", serving(chat), str(int(old) + 1)):
        chat.inv(*DEPLOY).expect()
    status = chat.inv("status", "--env=testing", "--json").expect().json
    assert status["problems"] == []
