"""Where people find an environment: names or machines, with the port that a browser needs."""

from pathlib import Path

import pytest

from slipway.edge import addresses
from slipway.edge.outside import Entrance
from slipway.errors import UsageError
from slipway.show import browser

REAL = [Entrance("198.51.100.7", 80, 443), Entrance("198.51.100.8", 80, 443)]
REHEARSAL = [Entrance("127.0.0.1", 32801, 32802), Entrance("127.0.0.1", 32811, 32812)]


@pytest.mark.parametrize(
    ("settings", "entrances", "expected"),
    [
        ({}, [Entrance("127.0.0.1", 8080, 443)], ["http://localhost:8080"]),
        ({}, REAL, ["http://198.51.100.7", "http://198.51.100.8"]),
        ({"TRUSTED_PROXIES": "10.0.0.5"}, REAL, ["http://198.51.100.7", "http://198.51.100.8"]),
        (
            {"DOMAIN": "shop.example, *.shop.example", "TLS": "auto"},
            REAL,
            ["https://shop.example", "https://*.shop.example"],
        ),
        ({"DOMAIN": "shop.example", "TRUSTED_PROXIES": "10.0.0.5"}, REAL, ["https://shop.example"]),
        (
            {"DOMAIN": "shop.example", "TLS": "internal"},
            REHEARSAL,
            ["https://shop.example:32802", "https://shop.example:32812"],
        ),
        ({}, [Entrance("2001:db8::7", 80, 443)], ["http://[2001:db8::7]"]),
    ],
)
def test_people_find_an_environment_under_its_names_or_its_machines(
    settings: dict[str, str], entrances: list[Entrance], expected: list[str]
) -> None:
    assert addresses.of({"DOMAIN": "", "TLS": "off"} | settings, entrances) == expected


def test_a_browser_opens_a_name_and_no_pattern() -> None:
    both = ["https://*.shop.example", "https://shop.example"]
    assert addresses.openable(both, "/admin") == ["https://shop.example/admin"]
    with pytest.raises(UsageError, match="any name serves that"):
        addresses.openable(both[:1], "")


def test_a_browser_is_started_on_a_desktop_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, shown = tmp_path / "browser", tmp_path / "shown"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" >{shown}\n')
    program.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{program} %s")
    assert not browser.open_address("http://localhost:8080", {})
    assert not shown.exists()
    assert browser.open_address("http://localhost:8080", {"BROWSER": "some"})
    assert shown.read_text() == "http://localhost:8080"
