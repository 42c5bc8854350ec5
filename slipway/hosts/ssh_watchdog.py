"""Whether the other end of an SSH connection still answers; one that is frozen is hung up on.

TCP does not notice a machine whose processes stand still: its kernel goes on acknowledging.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slipway.hosts.host import SECONDS

if TYPE_CHECKING:
    from paramiko import Transport

BEAT = 3 * SECONDS
BEATS = 5  # without a single packet, though each asks for one
SILENCE = BEATS * BEAT


def watch(transport: "Transport", on_silence: Callable[[], None]) -> None:
    """Close a connection once nothing has come back for SILENCE; call `on_silence` before."""
    _begin(lambda: _watch(transport, on_silence))


def _watch(transport: "Transport", on_silence: Callable[[], None]) -> None:
    received, silent = _received(transport), 0
    # Beats are counted, not seconds: this computer may have slept meanwhile.
    while silent < BEATS:
        _begin(lambda: _ask(transport))  # apart, since sending may wait for the other end
        time.sleep(BEAT)
        if not transport.is_active():
            return
        silent = silent + 1 if _received(transport) == received else 0
        received = _received(transport)
    on_silence()
    transport.close()


def _ask(transport: "Transport") -> None:
    with contextlib.suppress(Exception):  # it is gone already
        transport.global_request("keepalive@openssh.com", wait=True)


def _received(transport: "Transport") -> int:
    """Count the packets that came; those of long outputs are signs of life too."""
    packetizer: Any = transport.packetizer  # what it counts is private
    return int(packetizer._Packetizer__sequence_number_in)


def _begin(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="ssh watchdog", daemon=True).start()
