"""A far side that tries to do more than it was asked: `python hostile_agent.py KEY…`.

It lists, reads, replaces and deletes every key that it is given, and answers with what it got.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping

from slipway.agent.channel import Channel, Message

FORGED = b"forged"
FAR = "store.done"


class HostileAgent:
    """Asks the client's store whatever it likes."""

    def __init__(self) -> None:
        self._channel = Channel(lambda size: os.read(0, size), _write)
        self._number = 0

    def run(self, keys: list[str]) -> None:
        """Take a request, try everything, and end with an error that says what was got."""
        self._request = self._receive()
        results = {"sweep": [str(each) for each in self._ask("sweep")]}
        results["entries"] = [str(row[0]) for row in self._ask("entries", prefix="")]
        attempts: Mapping[str, Callable[[str], bool]] = {
            "get": self._get,
            "put": self._put,
            "delete": lambda key: bool(self._ask("delete", key=key)),
        }
        for what, attempt in attempts.items():
            results[what] = [key for key in [*keys, *self._own(what)] if attempt(key)]
        self._channel.send("error", text=json.dumps(results), code=1)

    def _own(self, what: str) -> list[str]:
        """The keys of the backup that it was asked to write, and leaves there unfinished."""
        name = str(self._request.fields["request"].get("backup_id", ""))
        return [f"{name}.dump.age", f"{name}.roles.sql.age"] if name and what == "put" else []

    def _ask(self, what: str, **fields: str) -> list[list[object]]:
        self._number += 1
        self._channel.send(f"store.{what}", b"", id=self._number, **fields)
        message = self._receive()
        if message.kind != FAR:
            return []
        rows: list[list[object]] = message.fields.get("entries", [["done"]])
        return rows

    def _get(self, key: str) -> bool:
        self._number += 1
        self._channel.send("store.get", id=self._number, key=key, ahead=10**6)
        while (message := self._receive()).kind == "store.chunk":
            pass
        return message.kind == "store.end"

    def _put(self, key: str) -> bool:
        self._number += 1
        self._channel.send("store.put", id=self._number, key=key, expected=0)
        self._channel.send("store.chunk", FORGED, id=self._number)
        self._channel.send("store.end", id=self._number)
        return self._receive().kind == FAR

    def _receive(self) -> Message:
        while (message := self._channel.receive()) is not None and message.kind == "alive":
            pass
        assert message is not None
        return message


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    HostileAgent().run(sys.argv[1:])
