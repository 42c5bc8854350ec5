"""Clients at a constant rate against several edges at once, until they are told to stop."""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.load.client import Client
from tests.load.record import Record

PER_CLIENT = 10.0  # requests a second of one client


@dataclass(frozen=True)
class LoadSpec:
    """How much load: requests a second on each url, and the share that opens connections."""

    urls: Sequence[str]
    rate: float = 100.0
    new_connections: float = 0.3
    seconds: float = 60.0
    at_least: int = 0
    after: int = 0  # requests that are on record after it was asked to stop


class Generator:
    """Keeps the rate whatever the answers: a late client sends at once, it never skips."""

    def __init__(self, wish: LoadSpec, tell: Callable[[Record], None]) -> None:
        self._wish = wish
        self._tell = tell
        self._count = 0
        self._ends = time.monotonic() + wish.seconds
        self._enough: int | None = None  # requests, once it was asked to stop

    def stop(self) -> None:
        """Stop as soon as enough requests are on record; requests under way are finished."""
        self._enough = max(self._wish.at_least, self._count + self._wish.after)

    async def run(self) -> None:
        clients = []
        for url in self._wish.urls:
            new = max(1, round(self._wish.rate * self._wish.new_connections / PER_CLIENT))
            kept = max(1, round(self._wish.rate / PER_CLIENT) - new)
            clients += [Client(url, keep=True) for _ in range(kept)]
            clients += [Client(url, keep=False) for _ in range(new)]
        interval = len(clients) / (self._wish.rate * len(self._wish.urls))
        shift = interval / len(clients)
        async with asyncio.TaskGroup() as group:
            for index, client in enumerate(clients):
                group.create_task(self._drive(client, interval, index * shift, index))

    async def _drive(self, client: Client, interval: float, delay: float, first: int) -> None:
        requests = client.requests()
        due = time.monotonic() + delay
        for number in itertools.count(first):
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self._is_over():
                break
            record = await client.send(requests[number % len(requests)])
            self._count += 1
            self._tell(record)
            due += interval
        client.close()

    def _is_over(self) -> bool:
        is_enough = self._enough is not None and self._count >= self._enough
        return is_enough or time.monotonic() > self._ends
