"""The ear of a tethered command: answers go on to the store, and nobody there is its end."""

import os
import signal
import threading
import time
from typing import Never

from slipway.agent.channel import Channel, ChannelBroken
from slipway.agent.remote_store import RemoteStore

GRACE = 10.0  # for what was begun to be taken back, once nobody listens
LOOK_EVERY = 0.5


class SessionEnded(BaseException):
    """Told to stop: the person is gone, or the container is."""


class Listener:
    """Listens in a thread until the line closes, breaks or is silent; then ends the main thread."""

    def __init__(self, channel: Channel, far: RemoteStore, silence: float) -> None:
        self._channel = channel
        self._far = far
        self._silence = silence
        self._heard = time.monotonic()
        self._stopping = threading.Lock()

    def start(self) -> None:
        """Begin to listen; returns at once."""
        for work in (self._listen, self._mind_silence):
            threading.Thread(target=work, daemon=True).start()

    def _listen(self) -> None:
        try:
            while (message := self._channel.receive()) is not None:
                self._heard = time.monotonic()
                if message.kind.startswith("store."):
                    self._far.hear(message)
        except (ChannelBroken, OSError):
            pass
        self._stop()

    def _mind_silence(self) -> None:
        while time.monotonic() - self._heard < self._silence:
            time.sleep(min(LOOK_EVERY, self._silence))
        self._stop()

    def _stop(self) -> None:
        if not self._stopping.acquire(blocking=False):
            return
        # First the main thread, so that it takes back what it began for this reason and no other.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        self._far.hear(None)
        time.sleep(GRACE)
        os._exit(130)  # children end with us (slipway.database.processes)


def end_on_signals() -> None:
    """Let SIGTERM and SIGHUP raise Ended in the main thread, once."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)


def _end(*_: object) -> Never:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # once is enough; what follows is tidying up
    raise SessionEnded
