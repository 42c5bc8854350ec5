"""Whom the sample application takes for one client, and which browsers it knows again."""

import importlib.util
from types import ModuleType

import pytest

from slipway.project import COMPOSE


def load() -> ModuleType:
    path = COMPOSE / "api" / "logbook" / "clients.py"
    spec = importlib.util.spec_from_file_location("logbook_clients", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


clients = load()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("not\x00an address", "unknown"),
    ],
)
def test_one_subscriber_counts_as_one_client(address: str, network: str) -> None:
    assert clients.network(address) == network


def test_a_browser_is_known_by_its_mark_for_its_account_alone() -> None:
    devices = clients.Devices(b"key")
    mark = devices.mark(7)
    assert devices.known(7, mark) == mark.partition(".")[0]
    assert devices.known(8, mark) == ""
    assert devices.known(7, f"x{mark}") == ""
    assert devices.known(7, "") == devices.known(7, ".") == devices.known(7, "ä.ö") == ""
    assert clients.Devices(b"another key").known(7, mark) == ""
