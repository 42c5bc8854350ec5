"""The table of the keys of compose files: no key that Compose takes is dropped without a word."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from slipway.project import ROOT
from slipway.releases import compose_keys
from tests.peers import compose_spec
from tests.unit.releases.compose_project import has_compose

ID = re.compile(rb'"\$?id": "compose_spec\.json"')


def schema_of(program: Path) -> Any:
    """The schema that a program of Compose checks files with; it is in it as text."""
    data = program.read_bytes()
    (ident,) = ID.finditer(data)
    start = data.rindex(b"{", 0, ident.start())
    text = data[start : start + 1_000_000].decode(errors="replace")
    return json.JSONDecoder().raw_decode(text)[0]


def compose_program() -> Path:
    form = "{{range .ClientInfo.Plugins}}{{.Name}} {{.Path}}\n{{end}}"
    argv = ["docker", "info", "--format", form]
    lines = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
    return Path(dict(line.partition(" ")[::2] for line in lines if line)["compose"])


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
def test_each_key_that_compose_takes_is_handled_refused_or_declared_dropped() -> None:
    allowed = compose_spec.keys(schema_of(compose_program()))
    assert len(allowed) > 150
    assert sorted(key for key in allowed if compose_spec.outcome(key) == "unknown") == []


def test_a_key_that_no_rule_names_is_refused() -> None:
    model = {"services": {"api": {"image": "a", "teleport": True}}, "planets": {"mars": {}}}
    assert [str(finding) for finding in compose_keys.check(model)] == [
        f"services.api.teleport: {compose_keys.UNKNOWN}",
        f"planets: {compose_keys.UNKNOWN}",
    ]


def test_a_key_that_says_no_more_than_its_absence_is_no_reason_to_refuse() -> None:
    api = {"privileged": False, "pid": "", "links": [], "mem_limit": None, "x-own": 1}
    assert (
        list(compose_keys.check({"services": {"api": api}, "networks": {"a": {"ipam": {}}}})) == []
    )
    (off,) = compose_keys.check({"networks": {"a": {"enable_ipv4": False, "enable_ipv6": False}}})
    assert off.keys == ("networks", "a", "enable_ipv4")


def test_what_is_left_to_the_hacking_loop_stands_in_the_guide() -> None:
    guide = (ROOT / "docs/operations.md").read_text()
    section = guide[guide.index("## Services") : guide.index("## The database")]
    named = set(re.findall(r"`([a-z_.]+)`", section))
    dropped = {key.removeprefix("services.*.") for key in compose_keys.DROPPED}
    at_the_top = {"version", "name", "configs", "models", "secrets.*.file", "secrets.*.environment"}
    assert dropped - at_the_top - named == set()
