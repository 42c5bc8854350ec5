"""Clients that mean harm, against the real edge with the limits it ships with."""

from collections.abc import Mapping

import pytest

from tests.integration import edge_siege, edge_stage
from tests.integration.edge_siege import ask, attacked, memory, serving, visit
from tests.integration.edge_stage import Stage

pytestmark = pytest.mark.engine
stage, besieged = edge_stage.stage, edge_siege.besieged
SLOWEST = 1.0  # seconds, of 99 in 100 visits
MEMORY = 512 << 20
PLAIN = {
    "slow_heads": 300,
    "silent": 300,
    "kept": 300,
    "slow_bodies": 300,
    "slow_readers": 100,
    "large_heads": 5,
}
OVER_TLS = {"half_handshakes": 300, "rapid_resets": 1, "many_streams": 2}


@pytest.mark.parametrize(("kinds", "tls"), [(PLAIN, False), (OVER_TLS, True)], ids=["plain", "TLS"])
def test_a_visitor_is_served_while_hostile_clients_do_what_they_can(
    besieged: Stage, kinds: Mapping[str, int], tls: bool
) -> None:
    address = serving(besieged, tls=tls)
    with attacked(kinds, address):
        visit(address, 1, tls=tls)  # until all of them are there
        visits = visit(address, 2, tls=tls)
        used = memory(besieged)
    assert visits.failed == []
    assert visits.slowest < SLOWEST, visits.describe()
    assert used < MEMORY


def test_a_body_has_to_keep_coming(besieged: Stage) -> None:
    """How it is cut off takes a minute, and is told in tests/soak/test_edge_hostile.py."""
    serving(besieged, tls=False)
    besieged.corner.docker("exec", besieged.edge, "grep", "-q", "read_min_rate", "/tmp/config.json")


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: +5\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Content-Length : 5\r\n",
        b" Content-Length: 5\r\n",
        b"Host: other.test\r\n",
        b"X-Null: a\0b\r\n",
    ],
)
def test_a_request_that_two_readers_could_read_in_two_ways_is_refused(
    besieged: Stage, fields: bytes
) -> None:
    address = serving(besieged, tls=False)
    assert ask(address, fields + b"Connection: close\r\n").startswith(("400 ", "501 "))


def test_of_two_lengths_of_a_body_a_service_sees_one(besieged: Stage) -> None:
    address = serving(besieged, tls=False)
    both = b"Content-Length: 44\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n"
    seen = ask(address, both, "/head").lower()
    assert seen.startswith("200 ") and "\r\ntransfer-encoding: chunked\r\n" in seen
    assert "content-length: 44" not in seen
