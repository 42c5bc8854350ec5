"""Thousands of hostile clients of each kind at one edge, and a body that crawls."""

import socket
import time

import pytest

from tests.integration import edge_siege, edge_stage
from tests.integration.conftest import module_corner
from tests.integration.edge_siege import NAME, Address, attacked, memory, serving, visit
from tests.integration.edge_stage import Stage
from tests.soak.rows import Rows

pytestmark = pytest.mark.engine
__all__ = ["module_corner"]
stage, besieged = edge_stage.stage, edge_siege.besieged
KINDS = {
    "slow_heads": 5000,
    "silent": 5000,
    "kept": 5000,
    "slow_bodies": 5000,
    "slow_readers": 1000,
    "large_heads": 20,
    "half_handshakes": 5000,
    "rapid_resets": 2,
    "many_streams": 4,
}
OVER_TLS = ("half_handshakes", "rapid_resets", "many_streams")


@pytest.mark.parametrize("kind", KINDS)
def test_a_visitor_is_served_among_thousands(besieged: Stage, rows: Rows, kind: str) -> None:
    tls = kind in OVER_TLS
    address = serving(besieged, tls=tls)
    with rows.measure(f"hostile clients: {kind}", f"{KINDS[kind]} at once") as row:
        with attacked({kind: KINDS[kind]}, address):
            time.sleep(12)
            visits = visit(address, 10, tls=tls)
            used = memory(besieged) >> 20
        row.result = f"{visits.describe()}; the edge has {used} MB"
        assert visits.failed == [] and visits.slowest < 1


def test_a_body_that_crawls_is_cut_off_and_a_slow_one_is_not(besieged: Stage, rows: Rows) -> None:
    address = serving(besieged, tls=False)
    with rows.measure("a body of 10 bytes a second", "of 100 MB") as row:
        seconds = seconds_until_cut(address, 10)
        row.result = f"cut off after {seconds:.0f} s"
        assert 55 < seconds < 90
    assert seconds_until_cut(address, 20_000) == 0


def seconds_until_cut(address: Address, rate: int, most: float = 90) -> float:
    """Send a body at a rate; return after how long it was refused, nothing where it was not."""
    began = time.monotonic()
    with socket.create_connection(address, timeout=10) as line:
        head = f"POST / HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 100000000\r\n\r\n"
        line.sendall(head.encode())
        while time.monotonic() < began + most:
            try:
                line.sendall(bytes(rate))
            except OSError:
                return time.monotonic() - began
            time.sleep(1)
    return 0
