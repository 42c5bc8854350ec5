"""Receives for a tethered command: answers go to the store, and silence ends the command."""

import os
import signal
import threading
import time
from typing import Never

from slipway.agent.channel import Channel, ChannelBroken
from slipway.agent.remote_store import RemoteStore

GRACE = 10.0  # for what was begun to be rolled back, once nobody listens
LOOK_EVERY = 0.5


class SessionEnded(BaseException):
    """Stopped from outside: the client is gone, or the container is."""


class Listener:
    """Listens in a thread until the line closes, breaks or is silent; then ends the main thread."""

    def __init__(self, channel: Channel, store: RemoteStore, silence: float) -> None:
        self._channel = channel
        self._store = store
        self._silence = silence
        self._last_message = time.monotonic()
        self._stopping = threading.Lock()

    def start(self) -> None:
        """Begin to listen; returns at once."""
        for work in (self._listen, self._watch_silence):
            threading.Thread(target=work, daemon=True).start()

    def _listen(self) -> None:
        try:
            while (message := self._channel.receive()) is not None:
                self._last_message = time.monotonic()
                if message.kind.startswith("store."):
                    self._store.receive(message)
        except (ChannelBroken, OSError):
            pass
        self._stop()

    def _watch_silence(self) -> None:
        while time.monotonic() - self._last_message < self._silence:
            time.sleep(min(LOOK_EVERY, self._silence))
        self._stop()

    def _stop(self) -> None:
        if not self._stopping.acquire(blocking=False):
            return
        # First the main thread, so that it rolls back what it began for this reason and no other.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        self._store.receive(None)
        time.sleep(GRACE)
        os._exit(130)  # children end with us (slipway.database.processes)


def end_on_signals() -> None:
    """Let SIGTERM and SIGHUP raise SessionEnded in the main thread, once."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)


def _end(*_: object) -> Never:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # once is enough; what follows is tidying up
    raise SessionEnded
