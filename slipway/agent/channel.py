"""A line between a person's computer and the environment: messages both ways over two pipes.

A message is one line of JSON, `{"kind": …, "bytes": n, …}`, and n bytes after it. The environment
says `note`, `progress`, `result`, `error` and asks `store.*`; the person's computer says `verb`
first, answers the store's questions, and says `alive` every few seconds, so that a command whose
person is gone ends by itself.

What a store sends is asked for chunk by chunk (`store.more`): neither end ever stops listening
because somebody has not taken yet what came before.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from slipway.errors import UNREADABLE, SlipwayError

CHUNK = 256 * 1024
PIECE = 1024 * 1024
LONGEST_LINE = 64 * 1024 * 1024  # the checkout's migrations travel in one
LARGEST_PAYLOAD = 8 * 1024 * 1024
ALIVE_EVERY = 5.0
SILENCE = 60.0


def pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut chunks of any size into payloads that a message may hold."""
    for chunk in chunks:
        if len(chunk) <= PIECE:
            yield chunk
            continue
        view = memoryview(chunk)
        for begin in range(0, len(view), PIECE):
            yield bytes(view[begin : begin + PIECE])


class ChannelBroken(SlipwayError):
    """The other end is gone, or speaks another language."""


@dataclass(frozen=True)
class Message:
    """One message: what kind it is, its fields, and the bytes that came with it."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    payload: bytes = b""


class Channel:
    """Sends and receives messages; several threads may send, one receives."""

    def __init__(self, read: Callable[[int], bytes], write: Callable[[bytes], None]) -> None:
        self._read = read
        self._write = write
        self._sending = threading.Lock()
        self._whole = True  # False while a message is under way: one cut short would garble all
        self._buffer = bytearray()

    def send(self, kind: str, payload: bytes = b"", **fields: object) -> None:
        """Send one message. Raises Broken when nobody listens any more."""
        head = json.dumps({"kind": kind, "bytes": len(payload), **fields}).encode() + b"\n"
        try:
            with self._sending:
                if not self._whole:
                    raise ChannelBroken("the connection broke in the middle of a message")
                self._whole = False
                self._write(head + payload if len(payload) < CHUNK else head)
                if len(payload) >= CHUNK:
                    self._write(payload)
                self._whole = True
        except (OSError, ValueError):
            raise ChannelBroken("the connection is closed") from None

    def receive(self) -> Message | None:
        """Return the next message; None when the other end has closed the line."""
        line = self._line()
        if line is None:
            return None
        try:
            head = json.loads(line)
            kind, size = str(head.pop("kind")), int(head.pop("bytes"))
            if not 0 <= size <= LARGEST_PAYLOAD:
                raise ValueError(size)
        except UNREADABLE:
            raise ChannelBroken(f"not a message: {line[:200].decode(errors='replace')!a}") from None
        return Message(kind, head, self._exactly(size))

    def _line(self) -> bytes | None:
        looked = 0
        while (end := self._buffer.find(b"\n", looked)) < 0:
            looked = len(self._buffer)
            if looked > LONGEST_LINE:
                raise ChannelBroken("a message that never ends")
            chunk = self._read(CHUNK)
            if not chunk:
                return None
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            chunk = self._read(CHUNK)
            if not chunk:
                raise ChannelBroken("the connection closed in the middle of a message")
            self._buffer += chunk
        payload = bytes(self._buffer[:size])
        del self._buffer[:size]
        return payload
