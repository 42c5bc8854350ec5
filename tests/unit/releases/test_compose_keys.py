"""The table of the keys of compose files: no key that Compose takes is dropped without a word."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from slipway.environments import compose_errors
from slipway.project import ROOT
from slipway.releases import compose_files, compose_keys
from tests.compose import has_compose
from tests.peers import compose_spec

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
    model = {"services": {"api": {"image": "a", "xyz": True}}, "planets": {"mars": {}}}
    assert [str(finding) for finding in compose_keys.check(model)] == [
        f"services.api.xyz: {compose_keys.UNKNOWN}",
        f"planets: {compose_keys.UNKNOWN}",
    ]


@pytest.mark.parametrize(
    ("api", "keys", "hint"),
    [
        ({"healthcheck": {"tset": ["CMD", "a"]}}, "healthcheck.tset", "test"),
        ({"healthcheck": {"teleport": 1}}, "healthcheck.teleport", ""),
        (
            {"deploy": {"placement": {"preferences": [{"spred": "a"}]}}},
            "preferences.spred",
            "spread",
        ),
        ({"deploy": {"resources": {"limits": {"cpu": 1}}}}, "limits.cpu", "cpus"),
        ({"ulimits": {"nofile": {"sofd": 1}}}, "ulimits.nofile.sofd", "soft"),
        ({"volumes": [{"type": "tmpfs", "tmpfs": {"sise": 1}}]}, "volumes.tmpfs.sise", "size"),
        ({"loging": {"driver": "local"}}, "loging", "logging"),
    ],
)
def test_a_key_that_no_rule_names_is_refused_at_any_depth_with_what_was_meant(
    api: dict[str, Any], keys: str, hint: str
) -> None:
    (finding,) = compose_keys.check({"services": {"api": api}})
    assert ".".join(finding.keys).endswith(keys)
    meant = f" (did you mean {hint}?)" if hint else ""
    assert finding.text == f"{compose_keys.UNKNOWN}{meant}"


def test_names_and_options_of_a_team_are_no_keys() -> None:
    api = {"environment": {"TSET": "1"}, "logging": {"options": {"max-size": "1m"}}}
    api |= {"sysctls": {"net.core.somaxconn": 1}, "ulimits": {"nofile": {"soft": 1, "hard": 2}}}
    api |= {"build": {"args": {"A": "b"}}, "extra_hosts": {"a": ["10.0.0.1"]}, "labels": {"a": "b"}}
    assert list(compose_keys.check({"services": {"api": api}})) == []


HEALTHCHECK = ("4: services.api.healthcheck.tset", "test")


@pytest.mark.parametrize(
    ("reason", "place", "hint"),
    [
        ("services.api.healthcheck Additional property tset is not allowed", *HEALTHCHECK),
        ("services.api.healthcheck additional properties 'tset', 'b' not allowed", *HEALTHCHECK),
        ("(root) Additional property servces is not allowed", " servces", "services"),
        (
            "services.api.volumes.0 Additional property sourc is not allowed",
            "2: services.api.volumes.sourc",
            "source",
        ),
    ],
)
def test_a_key_that_compose_refuses_is_named_with_its_line_and_what_was_meant(
    tmp_path: Path, reason: str, place: str, hint: str
) -> None:
    path = tmp_path / "compose.yml"
    path.write_text("services:\n  api:\n    healthcheck:\n      tset: [CMD, a]\n")
    refusal = compose_errors.read(f"validating /x/compose.yml: {reason}")
    assert compose_files.unknown_key([path], refusal) == (
        f"compose/compose.yml:{place}: Compose does not know this key (did you mean {hint}?)"
    )
    other = compose_errors.read("services.api.ports.0 is not a number")
    assert compose_files.unknown_key([path], other) == ""


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
