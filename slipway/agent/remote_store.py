"""A folder on a person's computer as a store, seen from inside the environment."""

import contextlib
import itertools
import json
import queue
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from slipway.agent.channel import Channel, ChannelBroken, Message, pieces
from slipway.storage.store import BadKey, NotFound, NotListable, Retained, StoredObject, StoreError

AHEAD = 8  # chunks on their way or waiting here before the first of them is taken
CLOSED = "the channel to the client is closed"
KINDS: dict[str, type[StoreError]] = {
    "NotFound": NotFound,
    "Retained": Retained,
    "NotListable": NotListable,
    "BadKey": BadKey,
}

Answers = queue.SimpleQueue[Message | None]


class RemoteStore:
    """Asks the other end of a channel for everything; `receive` takes what that answers."""

    def __init__(self, channel: Channel, name: str) -> None:
        self._channel = channel
        self._name = name
        self._numbers = itertools.count(1)
        self._open: dict[int, Answers] = {}
        self._closed = False

    @property
    def name(self) -> str:
        return self._name

    def receive(self, message: Message | None) -> None:
        """Hand over an answer, or None when the line is closed; never waits."""
        if message is None:
            self._closed = True
            for waiting in list(self._open.values()):
                waiting.put(None)
            return
        number = message.fields.get("id", 0)
        answers = self._open.get(number) if isinstance(number, int) else None
        if answers is not None:  # an answer nobody waits for any more is dropped
            answers.put(message)

    def put(self, key: str, chunks: Iterable[bytes], *, expected: int = 0) -> int:
        with self._request("put", key=key, expected=expected) as (number, answers):
            try:
                for chunk in pieces(chunks):
                    with contextlib.suppress(queue.Empty):
                        _checked(answers.get_nowait())  # it can only be an error
                    self._channel.send("store.chunk", chunk, id=number)
            except BaseException:
                with contextlib.suppress(ChannelBroken):
                    self._channel.send("store.abort", id=number)
                raise
            self._channel.send("store.end", id=number)
            return int(_checked(answers.get()).fields["size"])

    def get(self, key: str) -> Iterator[bytes]:
        with self._request("get", key=key, ahead=AHEAD) as (number, answers):
            try:
                while (message := _checked(answers.get())).kind == "store.chunk":
                    self._channel.send("store.more", id=number)
                    yield message.payload
            except BaseException:
                with contextlib.suppress(ChannelBroken):
                    self._channel.send("store.abort", id=number)
                raise

    def entries(self, prefix: str = "") -> Iterator[StoredObject]:
        with self._request("entries", prefix=prefix) as (_, answers):
            rows = _checked(answers.get()).fields["entries"]
        return iter([StoredObject(str(key), int(size), float(at)) for key, size, at in rows])

    def delete(self, key: str) -> None:
        with self._request("delete", key=key) as (_, answers):
            _checked(answers.get())

    def sweep(self) -> int:
        with self._request("sweep") as (_, answers):
            return int(_checked(answers.get()).fields["count"])

    def sign(self, kind: str, document: Mapping[str, Any]) -> tuple[str, str]:
        """Have the other end sign a document; return the public half of its key, the signature."""
        with self._request("sign", json.dumps(document).encode(), what=kind) as (_, answers):
            fields = _checked(answers.get()).fields
        return str(fields["public"]), str(fields["signature"])

    @contextlib.contextmanager
    def _request(
        self, message: str, payload: bytes = b"", **fields: str | int
    ) -> "Iterator[tuple[int, Answers]]":
        number = next(self._numbers)
        answers: Answers = queue.SimpleQueue()
        self._open[number] = answers
        try:
            if self._closed:
                raise ChannelBroken(CLOSED)
            self._channel.send(f"store.{message}", payload, id=number, **fields)
            yield number, answers
        finally:
            del self._open[number]


def _checked(message: Message | None) -> Message:
    if message is None:
        raise ChannelBroken(CLOSED)
    if message.kind == "store.error":
        raise KINDS.get(message.fields["error"], StoreError)(message.fields["text"])
    return message
