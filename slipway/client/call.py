"""One errand inside an environment: ask for a verb, pass on what is told, serve the store."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from slipway.agent.channel import ALIVE_EVERY, Channel, ChannelBroken, Message
from slipway.agent.listener import GRACE
from slipway.client.container import Container
from slipway.client.store_server import StoreServer
from slipway.errors import (
    Busy,
    ConfigError,
    DifferenceFound,
    HostError,
    Interrupted,
    Refused,
    RolledBack,
    SlipwayError,
    UsageError,
)
from slipway.hosts.host import Process
from slipway.progress import Reporter, Silent
from slipway.storage.store import Store

COMMAND = ["python", "-m", "slipway.agent", "--tethered"]
KILLED = 137  # what a container's command ends with after SIGKILL
NOT_CONNECTED = 255  # what ssh itself ends with
ERRORS: dict[int, type[SlipwayError]] = {
    kind.exit_code: kind for kind in (ConfigError, Refused, RolledBack, DifferenceFound, Busy)
}


def run(
    place: Container,
    verb: str,
    given: Mapping[str, Any],
    report: Reporter,
    store: Store | None = None,
) -> dict[str, Any]:
    """Do one verb inside and return its result; a `store` here is served to it.

    Raises what the verb raised, by its exit code, or HostError when the line breaks.
    """
    with place.host.open(["docker", "exec", "-i", place.container, *COMMAND]) as spoken:
        channel = Channel(spoken.read, spoken.write)
        desk = StoreServer(channel, store) if store is not None else None
        try:
            channel.send("verb", verb=verb, given=dict(given), store=store.name if store else "")
            with _alive(channel):
                result = _listen(channel, report, desk)
            spoken.wait()
            return result
        except ChannelBroken as error:
            raise _lost(place, verb, spoken, error) from None
        except KeyboardInterrupt:
            report.note("interrupted; what was begun is being taken back")
            _see_off(spoken, channel, desk)
            raise
        finally:
            if desk is not None:
                desk.close()


def _listen(channel: Channel, report: Reporter, desk: StoreServer | None) -> dict[str, Any]:
    while True:
        message = channel.receive()
        if message is None:
            raise ChannelBroken("it ended without an answer")
        try:
            if message.kind == "result":
                return dict(message.fields["result"])
            if message.kind == "error":
                raise _error(message)
            _take(message, report, desk)
        except (KeyError, TypeError, ValueError):
            raise ChannelBroken(f"{message.kind!a} was not expected; deploy first") from None


def _take(message: Message, report: Reporter, desk: StoreServer | None) -> None:
    fields = message.fields
    if message.kind == "note":
        report.note(str(fields["text"]))
    elif message.kind == "progress":
        report.progress(str(fields["what"]), int(fields["done"]), int(fields["total"]))
    elif message.kind == "step":
        _report_step(report, str(fields["event"]), str(fields["step"]), str(fields["text"]))
    elif desk is not None and message.kind.startswith("store."):
        desk.answer(message)
    else:
        raise ValueError(message.kind)


def _report_step(reporter: Reporter, event: str, step: str, text: str) -> None:
    if event == "started":
        reporter.started(step, text)
    elif event == "finished":
        reporter.finished(step, text)
    elif event == "failed":
        reporter.failed(step, interrupted=bool(text))
    elif event == "undone":
        reporter.undone(step)
    else:
        raise ValueError(event)


def _see_off(spoken: Process, channel: Channel, desk: StoreServer | None) -> None:
    """Close the line, and wait a while for the work inside to take back what it began."""
    spoken.end()

    def listen() -> None:
        with contextlib.suppress(SlipwayError):
            _listen(channel, Silent(), desk)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    thread.join(GRACE + 2)


def _error(message: Message) -> SlipwayError:
    code, text = int(message.fields["code"]), str(message.fields["text"])
    if code == UsageError.exit_code:
        return UsageError(text)
    if code == Interrupted.exit_code:
        return Interrupted(text)
    return ERRORS.get(code, SlipwayError)(text)


def _lost(place: Container, verb: str, spoken: Process, error: ChannelBroken) -> HostError:
    done = spoken.wait()
    words = done.err.strip().splitlines()
    why = words[-1] if words else str(error)
    if done.code == KILLED:
        why = "it was killed (out of memory?)"
    elif done.code == NOT_CONNECTED:
        why = f"the connection was lost ({words[-1]})" if words else "the connection was lost"
    elif "No module named" in why and "slipway" in why:
        why = "its engine is older than this one; deploy first"
    return HostError(place.host.name, f"{verb} in {place.what} broke off: {why}")


@contextlib.contextmanager
def _alive(channel: Channel) -> Iterator[None]:
    """Say every few seconds that somebody is still here."""
    done = threading.Event()

    def say() -> None:
        with contextlib.suppress(ChannelBroken):
            while not done.wait(ALIVE_EVERY):
                channel.send("alive")

    threading.Thread(target=say, daemon=True).start()
    try:
        yield
    finally:
        done.set()
