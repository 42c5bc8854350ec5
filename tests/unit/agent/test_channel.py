"""Messages keep their bounds whatever they hold; a far folder answers like one that is near."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.agent.channel import Channel, ChannelBroken, Message
from slipway.agent.remote_store import AHEAD, RemoteStore
from slipway.client.grant import Grant
from slipway.client.store_server import StoreServer
from slipway.storage.folder import FolderStore
from slipway.storage.store import NotFound, StoreError

# Spelled out, for st.recursive takes five times as long to draw from.
LEAVES = st.none() | st.booleans() | st.integers() | st.text()
NESTED = LEAVES | st.lists(LEAVES, max_size=4) | st.dictionaries(st.text(), LEAVES, max_size=4)
VALUES = NESTED | st.lists(NESTED, max_size=4) | st.dictionaries(st.text(), NESTED, max_size=4)
OURS = ("kind", "bytes", "payload", "self")
FIELDS = st.dictionaries(st.text().filter(lambda key: key not in OURS), VALUES)
MESSAGES = st.lists(st.builds(Message, st.text(min_size=1), FIELDS, st.binary(max_size=3000)))


class Wire:
    """Bytes that come in pieces of given sizes, over and over."""

    def __init__(self, data: bytes = b"", sizes: tuple[int, ...] = (65536,)) -> None:
        self.data = bytearray(data)
        self._sizes = sizes
        self._reads = 0

    def write(self, data: bytes) -> None:
        self.data += data

    def read(self, size: int) -> bytes:
        take = min(size, self._sizes[self._reads % len(self._sizes)])
        self._reads += 1
        piece = bytes(self.data[:take])
        del self.data[:take]
        return piece


@given(MESSAGES, st.lists(st.integers(1, 4000), min_size=1, max_size=5))
def test_what_is_sent_is_received_however_the_line_cuts_it(
    messages: list[Message], sizes: list[int]
) -> None:
    wire = Wire(sizes=tuple(sizes))
    channel = Channel(wire.read, wire.write)
    for message in messages:
        _send(channel, message)
    for message in messages:
        assert channel.receive() == message
    assert channel.receive() is None


@given(MESSAGES.filter(bool), st.data())
@settings(max_examples=50)
def test_a_line_that_is_cut_gives_whole_messages_and_then_none(
    messages: list[Message], data: st.DataObject
) -> None:
    wire = Wire()
    for message in messages:
        _send(Channel(wire.read, wire.write), message)
    whole = len(wire.data)
    channel = Channel(Wire(bytes(wire.data[: data.draw(st.integers(0, whole - 1))])).read, print)
    received = []
    try:
        while (message := channel.receive()) is not None:  # type: ignore[assignment]
            received.append(message)
    except ChannelBroken:
        pass
    assert received == messages[: len(received)]
    assert len(received) < len(messages)


@given(st.binary(min_size=1))
def test_noise_is_never_taken_for_a_message(noise: bytes) -> None:
    channel = Channel(Wire(noise + b"\n").read, print)
    try:
        message = channel.receive()
    except ChannelBroken as broken:
        assert "\n" not in str(broken)
    else:
        assert message is None or json.loads(noise.split(b"\n")[0])["kind"] == message.kind


@pytest.mark.parametrize("size", ["-1", '"x"', "99999999999", "null", "[]"])
def test_a_message_of_impossible_size_breaks_the_line(size: str) -> None:
    text = f'{{"kind": "note", "bytes": {size}}}\n'.encode()
    with pytest.raises(ChannelBroken, match="not a message"):
        Channel(Wire(text).read, print).receive()


def test_after_half_a_message_nothing_more_is_said() -> None:
    def fail(data: bytes) -> None:
        raise KeyboardInterrupt

    channel = Channel(Wire().read, fail)
    with pytest.raises(KeyboardInterrupt):
        channel.send("note", text="a")
    with pytest.raises(ChannelBroken, match="in the middle"):
        channel.send("error", text="b")


# -- a far folder -----------------------------------------------------------------------------


KEYS = ("a.dump", "b.dump", "large", "small")


class Far:
    """A folder served over two pipes, and the store that is seen at the other end."""

    def __init__(self, folder: Path) -> None:
        there, back = os.pipe(), os.pipe()
        self.near = Channel(lambda size: os.read(there[0], size), _writer(back[1]))
        self.channel = Channel(lambda size: os.read(back[0], size), _writer(there[1]))
        self.store = RemoteStore(self.channel, "backups/dev")
        store = FolderStore(folder, "backups/dev")
        self.desk = StoreServer(self.near, Grant(store, reads=KEYS, creates=KEYS))
        self._ends = (there[1], back[1])
        for channel, take in ((self.near, self.desk.answer), (self.channel, self.store.receive)):
            threading.Thread(target=_pump, args=(channel, take), daemon=True).start()

    def close(self) -> None:
        self.desk.close()
        for end in self._ends:
            os.close(end)


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    with opened(tmp_path / "backups") as made:
        yield made


@contextmanager
def opened(folder: Path) -> Iterator[Far]:
    made = Far(folder)
    try:
        yield made
    finally:
        made.close()


def test_a_far_folder_keeps_gives_lists_and_forgets(far: Far) -> None:
    assert far.store.put("a.dump", [b"one", b"", b"two"]) == 6
    assert far.store.put("b.dump", []) == 0
    assert b"".join(far.store.get("a.dump")) == b"onetwo"
    assert [(entry.key, entry.size) for entry in far.store.entries()] == [
        ("a.dump", 6),
        ("b.dump", 0),
    ]
    assert [entry.key for entry in far.store.entries("b")] == ["b.dump"]
    far.store.delete("a.dump")
    far.store.delete("a.dump")
    assert [entry.key for entry in far.store.entries()] == ["b.dump"]
    assert far.store.sweep() == 0


def test_an_error_over_there_is_the_same_error_here(far: Far, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"backups/dev holds no a\.dump"):
        list(far.store.get("a.dump"))
    with pytest.raises(StoreError, match=r"this request may not write '\.\./a' in backups/dev"):
        far.store.put("../a", [b"x"])
    (tmp_path / "backups").write_text("a file where a folder belongs")
    with pytest.raises(StoreError, match="backups/dev"):
        far.store.put("a.dump", (b"x" * 100_000 for _ in range(1000)))
    with pytest.raises(StoreError):
        list(far.store.entries())


def test_a_source_that_fails_leaves_nothing_and_its_error_goes_on(far: Far, tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"x" * 1_000_000
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        far.store.put("a.dump", chunks())
    assert list(far.store.entries()) == []
    far.desk.close()
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_stream_that_nobody_takes_holds_up_nothing_and_little_of_it_is_sent(far: Far) -> None:
    far.store.put("large", (b"x" * (1 << 20) for _ in range(40)))
    stream = far.store.get("large")
    assert next(stream)
    assert [entry.key for entry in far.store.entries()] == ["large"]
    assert far.store.put("small", [b"y"]) == 1
    taken = 1 + sum(1 for _ in zip(stream, range(AHEAD), strict=False))
    assert taken == AHEAD + 1
    del stream
    assert b"".join(far.store.get("small")) == b"y"


def test_a_closed_line_ends_whoever_waits(far: Far) -> None:
    far.store.put("large", (b"x" * (1 << 20) for _ in range(40)))
    stream = far.store.get("large")
    next(stream)
    far.store.receive(None)
    with pytest.raises(ChannelBroken):
        list(stream)
    with pytest.raises(ChannelBroken):
        list(far.store.entries())


def _send(channel: Channel, message: Message) -> None:
    channel.send(message.kind, message.payload, **message.fields)


def _writer(descriptor: int) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    return write


def _pump(channel: Channel, take: Callable[[Message], None]) -> None:
    while (message := channel.receive()) is not None:
        take(message)
