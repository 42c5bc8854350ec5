"""Old projects that nobody could read: each ends in one line, exit code 2, without a secret."""

import re
from pathlib import Path

import pytest

from slipway.errors import ConfigError
from slipway.scaffold.importing.conversion import convert
from tests.compose import has_compose

pytestmark = pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")

PASSWORD = "made-up-0f1e2d3c"
SERVICE = "services: {a: {image: a}}\n"
BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}]\n"
    for before, name in zip("abcdefghijklmno", "bcdefghijklmnop", strict=True)
)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, "there is no such file"),
        ({"compose.yml": "services: [\n"}, "compose.yml: Compose does not read it"),
        ({"compose.yml": "services: {}\n"}, "has no services"),
        ({"compose.yml": "\xff"}, "is not UTF-8"),
        ({"compose.yml": "#" * (2 << 20)}, "is larger than 1 MB"),
        ({"compose.yml": BOMB + SERVICE}, "its aliases stand for [0-9]+ values"),
        ({"compose.yml": f"x-a: &a {{<<: *a}}\n{SERVICE}"}, "line 1 is part of itself"),
        (
            {"compose.yml": "services: {a: {extends: {service: b}}, b: {extends: {service: a}}}\n"},
            "leads in a circle",
        ),
        ({"compose.yml": "include: [other.yml]\n" + SERVICE}, "other.yml is named there and is"),
        ({"compose.yml": "services: {a: {image: a, imagee: b}}\n"}, r"yml:1: .*did you mean image"),
        (
            {
                "compose.yml": "services: {a: {image: a, env_file: app.env}}\n",
                "app.env.example": "A=b\n",
            },
            r"app\.env is named there and is missing; cp app\.env\.example app\.env",
        ),
        (
            {"compose.yml": f"services: {{a: {{image: a, command: '${{Q:?{PASSWORD}}}'}}}}\n"},
            "variable Q is missing a value; set it in .env there",
        ),
        (
            {"compose.yml": "services: {a: {image: a, environment: ['P=${Q?x', 'R=PASSWORD']}}\n"},
            "where a dollar sign is meant",
        ),
        (
            {"compose.yml": f"services: {{a: {{image: a, environment: ['{PASSWORD}${{%}}']}}}}\n"},
            r"services\.a\.environment\.\[\]: write \$\$ where",
        ),
        ({"compose.yml": SERVICE, ".env": f"A-B {PASSWORD} = x\n"}, "Compose does not read it"),
    ],
)
def test_what_nobody_can_read_is_one_sentence_without_a_value(
    tmp_path: Path, files: dict[str, str], complaint: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=complaint) as caught:
        convert(tmp_path / "compose.yml", name="shop")
    text = str(caught.value)
    assert "\n" not in text and len(text) < 400 and PASSWORD not in text
    assert caught.value.exit_code == 2


def test_odd_files_that_compose_reads_become_a_project_or_are_said(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/package.json").write_text('{"scripts": []}')
    (tmp_path / "code/loop").symlink_to(tmp_path)
    (tmp_path / "compose.yml").write_text(
        f"""\
x-odd: {{a: [1, "\\x01", {"z" * 3000}]}}
services:
  Web_1:
    build: code
    network_mode: host
    privileged: true
    volumes: ["/:/host", "/var/run/docker.sock:/var/run/docker.sock", "./code:/app", "/data"]
    environment: {{NO_VALUE: , PASSWORD: "{PASSWORD}", "lower": "$${{x}}"}}
    ports: ["53:53/udp", "8000-8001:8000-8001"]
"""
    )
    conversion = convert(tmp_path / "compose.yml", name="shop")
    problems = "\n".join(map(str, conversion.problems))
    for word in (
        "network_mode",
        "privileged",
        "Web_1: /host is left out: machines have no /",
        "root on the machine",
    ):
        assert word in problems
    assert "compose.yml:5: " in problems, problems
    assert PASSWORD not in "".join((*conversion.files.values(), *conversion.notes, problems))
    assert re.search(r"lower: '?\$\$\{x\}", conversion.files["compose/compose.yml"])
