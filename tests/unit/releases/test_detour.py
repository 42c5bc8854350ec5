"""New connections are led past the edges on every machine or on none."""

import pytest

from slipway.releases import detour
from slipway.releases.detour import Impassable, Port
from tests.fakes.host import FakeHost

PORTS = {Port(443, 8443, "udp"), Port(443, 8443), Port(80, 8080)}


def test_every_port_is_led_past_with_what_is_behind_it() -> None:
    hosts = [FakeHost(name).answers("sh") for name in ("m1", "m2")]
    detour.open_(hosts, "shop-prod", "edge-trial", PORTS)
    for host in hosts:
        (argv,) = host.ran("sh")
        assert argv[-3:] == ("tcp/80/8080", "tcp/443/8443", "udp/443/8443")
        assert argv[-5:-3] == ("shop-prod", "edge-trial")


def test_where_one_machine_cannot_none_does_and_it_is_named() -> None:
    able = FakeHost("m1").answers("sh")
    unable = FakeHost("m2").answers("sh", err="it has no iptables\n", code=9)
    with pytest.raises(Impassable, match=r"^m2: it has no iptables$"):
        detour.open_([able, unable], "shop-prod", "edge-trial", PORTS)
    assert len(able.ran("sh")) == 2  # it was opened, and closed again


def test_a_chain_has_room_for_the_container_that_it_belongs_to() -> None:
    names = {detour.chain(app) for app in ("shop-prod", "shop-staging", "s" * 63)}
    assert len(names) == 3
    assert all(len(f"{name}-12345678") <= 28 for name in names)
