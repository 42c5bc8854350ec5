"""The load generator sees what a careless client would miss."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.load.client import Client, Request
from tests.load.generator import Generator, LoadSpec
from tests.load.record import Record, Run

Answer = Callable[[int, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nX-Release: 7\r\nContent-Length: 2\r\n\r\nok"
GET = Request("get", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[str]:
    """A server that hands the nth connection to a function."""
    count = 0

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await answer(count, reader, writer)
        writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def sent(answer: Answer, *requests: Request) -> list[Record]:
    async def send() -> list[Record]:
        async with server(answer) as url:
            client = Client(url, keep=True)
            found = [await client.send(request) for request in requests]
            client.close()
            return found

    return asyncio.run(send())


async def one(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK)
    await writer.drain()


async def endless(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        writer.write(OK)


def test_an_answer_is_on_record_with_its_release() -> None:
    (record,) = sent(one, GET)
    assert (record.status, record.release, record.failed) == (200, "7", False)
    assert Record.from_line(record.to_line()).release == "7"


def test_a_url_with_a_path_is_one_page() -> None:
    for keep, kind in ((True, "kept-get-/api/notes"), (False, "new-get-/api/notes")):
        (request,) = Client("http://127.0.0.1:1/api/notes", keep=keep).requests()
        assert request.kind == kind
        assert request.data.startswith(b"GET /api/notes HTTP/1.1\r\nHost: 127.0.0.1:1\r\n")
    assert len(Client("http://127.0.0.1:1", keep=True).requests()) == 3


def test_a_connection_closed_between_requests_is_no_failure() -> None:
    first, second = sent(one, GET, GET)
    assert not first.failed and not second.failed


def test_a_connection_closed_without_an_answer_is_a_failure() -> None:
    async def nothing(number: int, *streams: object) -> None: ...

    (record,) = sent(nothing, GET)
    assert record.failed and "no answer" in record.error


def test_half_an_answer_and_a_wrong_body_are_failures() -> None:
    async def half(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK[:-1])
        await writer.drain()

    assert sent(half, GET)[0].failed
    assert sent(one, Request("post", GET.data, b"no"))[0].error == "wrong body"


def test_load_goes_on_for_a_while_after_it_was_asked_to_stop() -> None:
    records: list[Record] = []

    async def make() -> None:
        async with server(endless) as url:
            generator = Generator(LoadSpec([url], rate=400, seconds=10, after=50), records.append)
            running = asyncio.create_task(generator.run())
            while len(records) < 30:
                await asyncio.sleep(0.01)
            generator.stop()
            await running

    asyncio.run(make())
    assert 80 <= len(records) < 200


def test_load_goes_on_until_enough_was_sent_and_looks_at_every_answer() -> None:
    records: list[Record] = []

    async def make() -> None:
        async with server(endless) as url:
            generator = Generator(
                LoadSpec([url], rate=400, seconds=10, at_least=150), records.append
            )
            generator.stop()
            await generator.run()

    asyncio.run(make())
    run = Run(records)
    assert 150 <= len(records) < 400
    # This server answers all, and echoes nothing.
    assert {record.error for record in run.failed} == {"wrong body"}, run.summary()
    assert all("post" in record.kind for record in run.failed)
    assert run.releases() == {"7"}
