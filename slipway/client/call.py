"""One call of the agent: send a request, pass on its progress, serve the store, take the reply."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import TypeVar

from slipway.agent.channel import ALIVE_EVERY, Channel, ChannelBroken, Message
from slipway.agent.codec import MessageError, MissingField, UnknownField, decode, encode
from slipway.agent.listener import GRACE
from slipway.agent.messages.request import Reply, Request, reply_to
from slipway.client.container import Container
from slipway.client.grant import Grant
from slipway.client.store_server import StoreServer
from slipway.errors import (
    UNREADABLE,
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
from slipway.progress import SILENT, Reporter

R = TypeVar("R", bound=Reply)
COMMAND = ["python", "-m", "slipway.agent", "--tethered"]
KILLED = 137  # what a container's command ends with after SIGKILL
NOT_CONNECTED = 255  # what ssh itself ends with
ERRORS: dict[int, type[SlipwayError]] = {
    kind.exit_code: kind for kind in (ConfigError, Refused, RolledBack, DifferenceFound, Busy)
}


def call(
    ops: Container,
    request: Request[R],
    reporter: Reporter,
    grant: Grant | None = None,
    signers: Mapping[str, str] | None = None,
) -> R:
    """Have the agent in a container do what is requested; of a store here it gets its grant.

    `signers` are those whose backups it may trust, by the public half of their keys.

    Raises what the agent raised, by its exit code, or HostError when the connection breaks.
    """
    document, reply = encode(request), None
    with ops.host.open(["docker", "exec", "-i", ops.container, *COMMAND]) as process:
        channel = Channel(process.read, process.write)
        server = StoreServer(channel, grant) if grant is not None else None
        try:
            channel.send(
                "request",
                verb=request.verb,
                request=document,
                store=grant.name if grant else "",
                signers=dict(signers or {}),
                countersigns=bool(grant and grant.signer),
            )
            with _alive(channel):
                reply = _receive_reply(channel, reporter, server)
            process.wait()
        except ChannelBroken as error:
            raise _broken(ops, request.verb, process, error) from None
        except KeyboardInterrupt:
            reporter.note("interrupted; the agent is rolling back")
            _close_channel(process, channel, server)
            raise
        finally:
            if server is not None and grant is not None:
                server.close()
                if reply is None:
                    grant.remove_unfinished()
    return read_reply(request, reply, ops)


def read_reply(request: Request[R], reply: object, ops: Container) -> R:
    """Read a reply. Raises SlipwayError where another version of the engine wrote it."""
    try:
        return decode(reply_to(type(request)), reply, complete=True)
    except UnknownField as error:
        advice = f"the engine of {ops.what} is newer: no {error} here; update this checkout"
    except MissingField as error:
        advice = f"the engine of {ops.what} is older: it sends no {error}; deploy first"
    except MessageError as error:
        advice = f"the engine of {ops.what} differs: {error}; deploy first"
    raise SlipwayError(f"{request.verb} was carried out, but its reply cannot be read: {advice}")


def _receive_reply(channel: Channel, reporter: Reporter, server: StoreServer | None) -> object:
    while True:
        message = channel.receive()
        if message is None:
            raise ChannelBroken("it ended without a reply")
        try:
            if message.kind == "result":
                return message.fields["result"]
            if message.kind == "error":
                raise _error(message)
            _handle(message, reporter, server)
        except UNREADABLE:
            raise ChannelBroken(f"{message.kind!a} was not expected; deploy first") from None


def _handle(message: Message, reporter: Reporter, server: StoreServer | None) -> None:
    fields = message.fields
    if message.kind == "note":
        reporter.note(str(fields["text"]))
    elif message.kind == "progress":
        reporter.progress(str(fields["what"]), int(fields["done"]), int(fields["total"]))
    elif message.kind == "step":
        _report_step(reporter, str(fields["event"]), str(fields["step"]), str(fields["text"]))
    elif server is not None and message.kind.startswith("store."):
        server.answer(message)
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


def _close_channel(process: Process, channel: Channel, server: StoreServer | None) -> None:
    """Close the channel, and wait a while for the agent to roll back what it has begun."""
    process.end()

    def listen() -> None:
        with contextlib.suppress(SlipwayError):
            _receive_reply(channel, SILENT, server)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    thread.join(GRACE + 2)


def _error(message: Message) -> SlipwayError:
    code = int(message.fields["code"])
    text = str(message.fields["text"]) or "it failed, and does not say why"
    if code == UsageError.exit_code:
        return UsageError(text)
    if code == Interrupted.exit_code:
        return Interrupted(text)
    return ERRORS.get(code, SlipwayError)(text)


def _broken(ops: Container, verb: str, process: Process, error: ChannelBroken) -> HostError:
    status = process.wait()
    lines = status.err.strip().splitlines()
    why = lines[-1] if lines else str(error)
    if status.code == KILLED:
        why = "it was killed (out of memory, or its container ended?)"
    elif status.code == NOT_CONNECTED:
        why = f"the connection was lost ({lines[-1]})" if lines else "the connection was lost"
    elif "No module named" in why and "slipway" in why:
        why = "its engine is older than this one; deploy first"
    return HostError(ops.host.name, f"{verb} in {ops.what} aborted: {why}")


@contextlib.contextmanager
def _alive(channel: Channel) -> Iterator[None]:
    """Send every few seconds that somebody is still here."""
    over = threading.Event()

    def send() -> None:
        with contextlib.suppress(ChannelBroken):
            while not over.wait(ALIVE_EVERY):
                channel.send("alive")

    threading.Thread(target=send, daemon=True).start()
    try:
        yield
    finally:
        over.set()
