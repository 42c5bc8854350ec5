"""What a command works with beside its request: who hears of it, where backups lie, where it is."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slipway.agent.channel import Channel
from slipway.backups.format.signature import ANYBODY, SigningKey, Trust
from slipway.errors import ConfigError, Refused
from slipway.progress import Lane, Reporter
from slipway.storage.store import Store

PROGRESS_EVERY = 0.2
ENVIRONMENT = "ENVIRONMENT"
SIGNING_KEY = Path("/run/secrets/BACKUP_SIGNING_KEY")


@dataclass(frozen=True)
class Context:
    """One call of the agent; `store` opens the store when it is needed."""

    reporter: Reporter
    store: Callable[[], Store]
    trust: Trust = ANYBODY  # whose backups are trusted, and who signs one that is taken


class ChannelReporter:
    """Reports over a channel; progress a few times a second at most."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._last_progress = 0.0

    def note(self, text: str) -> None:
        self._channel.send("note", text=text)

    def progress(self, label: str, current: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last_progress >= PROGRESS_EVERY:
            self._last_progress = now
            self._channel.send("progress", what=label, done=current, total=total)

    def lane(self, lane: Lane) -> None:
        """Nothing: what runs here knows of no other machine."""

    def started(self, step: str, describe: str, usual: float = 0.0) -> None:
        self._channel.send("step", event="started", step=step, text=describe)

    def finished(self, step: str, result: str) -> None:
        self._channel.send("step", event="finished", step=step, text=result)

    def failed(self, step: str, *, interrupted: bool) -> None:
        self._channel.send("step", event="failed", step=step, text="yes" if interrupted else "")

    def undone(self, step: str) -> None:
        self._channel.send("step", event="undone", step=step, text="")


def own_key(path: Path = SIGNING_KEY) -> SigningKey | None:
    """Read the key with which this container signs; None where it was given none."""
    text = path.read_text() if path.is_file() else ""
    return SigningKey.parse(text, path.name) if text.strip() else None


def environment() -> str:
    """Name the environment that the container is of. Raises ConfigError where it does not say."""
    name = os.environ.get(ENVIRONMENT, "")
    if not name:
        raise ConfigError(
            f"{ENVIRONMENT} is not set in this container; a deploy sets it, and for the hacking "
            "loop compose.override.yml; nothing was changed"
        )
    return name


def demand_environment(requested: str) -> str:
    """Name the environment that this is. Raises Refused where the request is for another."""
    own = environment()
    if requested and requested != own:
        raise Refused(f"you asked for {requested!a}, and this is {own!a}; nothing was changed")
    return own
