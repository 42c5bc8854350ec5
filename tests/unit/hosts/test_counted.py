"""What goes to machines is counted: each command, each question, every byte."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from slipway.cluster.engine_api import EngineApi
from slipway.hosts.counted import Count, CountedHost, Traffic
from slipway.hosts.host import Dialogue
from slipway.hosts.local import LocalHost
from tests.fakes.host import FakeHost

ANSWER = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\n[]"


class TalkingHost(FakeHost):
    """Keeps a command that answers each question with an empty list."""

    @contextmanager
    def dial(self, argv: Sequence[str], *, timeout: float) -> Iterator[Dialogue]:
        class Answering:
            def write(self, data: bytes) -> None: ...

            def read(self, size: int) -> bytes:
                return ANSWER

        yield Answering()


def test_a_command_counts_once_with_its_words_and_its_input_also_where_that_is_a_stream() -> None:
    traffic = Traffic()
    host = CountedHost(FakeHost("m1", otherwise=0), traffic)
    host.run(["cat"], stdin=b"12345")
    host.run(["cat"], stdin=iter([b"123", b"45678"]))
    words = 2 * len(b"cat\0")
    assert traffic.by_host() == {"m1": Count(commands=2, sent=words + 5 + 8)}


def test_what_stays_open_is_one_command_however_much_it_is_asked() -> None:
    traffic = Traffic()
    host = CountedHost(TalkingHost("m1"), traffic)
    with host.dial(["docker"], timeout=1) as dialogue:
        api = EngineApi(dialogue)
        api.nodes()
        api.nodes()
    count = traffic.by_host()["m1"]
    assert (count.commands, count.questions) == (1, 2)
    assert count.sent > 2 * len(b"GET /nodes")


def test_bytes_spoken_to_a_process_count_and_arrive() -> None:
    traffic = Traffic()
    with CountedHost(LocalHost("m1"), traffic).open(["cat"]) as process:
        process.write(b"12345")
        process.end()
        assert process.read(100) == b"12345"
    assert traffic.by_host() == {"m1": Count(commands=1, sent=len(b"cat\0") + 5)}
