"""A store on this computer, served to the work inside an environment over its channel."""

import contextlib
import json
import queue
import threading
from collections.abc import Callable, Iterator

from slipway.agent.channel import Channel, ChannelBroken, Message, pieces
from slipway.backups.format.signature import Document
from slipway.client.grant import Grant
from slipway.errors import UNREADABLE
from slipway.storage.store import StoreError

WAITING = 8  # chunks on their way into the store
MOST_AHEAD = 64  # chunks that the other end may want to have waiting there
MOST_AT_ONCE = 32  # streams and questions


class _Aborted(Exception):
    """The other end has given a stream up."""


class StoreServer:
    """Answers `store.*` messages; each stream has a thread, so that none holds up the line."""

    def __init__(self, channel: Channel, grant: Grant) -> None:
        self._channel = channel
        self._store = grant
        self._incoming: dict[int, queue.Queue[Message]] = {}
        self._credit: dict[int, threading.Semaphore] = {}  # chunks the other end has room for
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []

    def answer(self, message: Message) -> None:
        """Take one message of the other end; waits only while the store here is slow to write."""
        number, what = int(message.fields["id"]), message.kind.removeprefix("store.")
        if what in ("chunk", "end", "more", "abort"):
            if (incoming := self._incoming.get(number)) is not None:
                incoming.put(message)
            if (credit := self._credit.get(number)) is not None:
                if what == "abort":
                    del self._credit[number]
                credit.release()
            return
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) >= MOST_AT_ONCE:
            self._fail(number, "StoreError", f"{self._store.name} is asked too much at once")
            return
        if number in self._incoming or number in self._credit:
            raise ValueError(number)
        if what == "put":
            self._incoming[number] = queue.Queue(WAITING)
        elif what == "get":
            ahead = min(int(message.fields["ahead"]), MOST_AHEAD)
            self._credit[number] = threading.Semaphore(ahead)
        work = {"put": self._put, "get": self._get}.get(what, self._ask)
        thread = threading.Thread(target=self._guard, args=(work, number, message), daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Give up the streams that are still open; nothing half-written stays in the store."""
        self._closed.set()
        for thread in self._threads:
            thread.join(5)

    def _put(self, number: int, message: Message) -> None:
        fields = message.fields
        size = self._store.put(
            str(fields["key"]), self._chunks(number), expected=int(fields["expected"])
        )
        self._channel.send("store.done", id=number, size=size)

    def _chunks(self, number: int) -> Iterator[bytes]:
        while True:
            try:
                message = self._incoming[number].get(timeout=0.5)
            except queue.Empty:
                if self._closed.is_set():
                    raise _Aborted from None
                continue
            if message.kind == "store.abort":
                raise _Aborted
            if message.kind == "store.end":
                return
            yield message.payload

    def _get(self, number: int, message: Message) -> None:
        credit = self._credit[number]
        for chunk in pieces(self._store.get(str(message.fields["key"]))):
            while not credit.acquire(timeout=0.5):
                if self._closed.is_set():
                    raise _Aborted
            if number not in self._credit:
                raise _Aborted
            self._channel.send("store.chunk", chunk, id=number)
        self._channel.send("store.end", id=number)

    def _ask(self, number: int, message: Message) -> None:
        fields, what = message.fields, message.kind.removeprefix("store.")
        if what == "entries":
            rows = [[e.key, e.size, e.written] for e in self._store.entries(str(fields["prefix"]))]
            self._channel.send("store.done", id=number, entries=rows)
        elif what == "delete":
            self._store.delete(str(fields["key"]))
            self._channel.send("store.done", id=number)
        elif what == "sign":
            public, signature = self._store.sign(str(fields["what"]), _document(message.payload))
            self._channel.send("store.done", id=number, public=public, signature=signature)
        elif what == "sweep":
            self._channel.send("store.done", id=number, count=self._store.sweep())
        else:
            raise StoreError(
                f"this computer does not know {what!a} of a store yet; update this checkout"
            )

    def _guard(self, work: Callable[[int, Message], None], number: int, message: Message) -> None:
        try:
            work(number, message)
        except (_Aborted, ChannelBroken):
            pass
        except StoreError as error:
            self._fail(number, type(error).__name__, str(error))
        except OSError as error:
            self._fail(number, "StoreError", f"{self._store.name}: {error.strerror or error}")
        except UNREADABLE:
            self._fail(number, "StoreError", f"{message.kind!a} is not asked as it should be")
        except Exception as error:  # the other end waits for an answer, whatever it is
            self._fail(number, "StoreError", f"{self._store.name}: {type(error).__name__}")
            raise
        finally:
            self._drain(number)

    def _fail(self, number: int, error: str, text: str) -> None:
        with contextlib.suppress(ChannelBroken):
            self._channel.send("store.error", id=number, error=error, text=text)

    def _drain(self, number: int) -> None:
        """Forget a stream; what is still sent for it must not hold up the line."""
        self._credit.pop(number, None)
        waiting = self._incoming.pop(number, None)
        if waiting is not None:
            with contextlib.suppress(queue.Empty):
                while True:
                    waiting.get_nowait()


def _document(payload: bytes) -> Document:
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise StoreError("what is to be signed is no document")
    return document
