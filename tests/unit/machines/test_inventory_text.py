"""The text of an inventory: entries change, what people wrote beside them stays."""

from pathlib import Path

import yaml

from slipway.machines import inventory, inventory_text
from slipway.machines.machine import Machine

TEXT = """\
# Machines of prod; rack 7
m1: # the old one
  host: 203.0.113.7
  user: deploy
  address: 10.0.0.7 # behind the NAT
  provider: ssh
  role: data

# from the spring order
m2: {host: 203.0.113.8, user: deploy, address: 10.0.0.8, provider: ssh, role: app}
"""


def test_a_change_keeps_the_comments_of_people(tmp_path: Path) -> None:
    path = tmp_path / "compose" / "prod.machines.yml"
    path.parent.mkdir()
    path.write_text(TEXT)
    third = Machine("m3", "203.0.113.9", 2222, "deploy", "10.0.0.9")
    inventory.add("prod", third, tmp_path)
    assert path.read_text().startswith(TEXT)
    assert [each.name for each in inventory.load("prod", tmp_path)] == ["m1", "m2", "m3"]
    inventory.remove("prod", "m3", tmp_path)
    assert path.read_text() == TEXT
    inventory.remove("prod", "m1", tmp_path)
    (left,) = inventory.load("prod", tmp_path)
    assert (left.name, left.role) == ("m2", "data")
    assert "# Machines of prod; rack 7" in path.read_text()


def test_what_yaml_would_read_as_something_else_is_put_into_quotes() -> None:
    values: dict[str, str | int] = {"host": "1:30", "user": "no", "port": 22, "address": ""}
    for text in ("", "# Machines\n", "m1: {}\n"):
        written = inventory_text.changed(text, {"on": values})
        assert yaml.safe_load(written) == {"on": values}
        assert written.startswith(text.rpartition("m1")[0])
