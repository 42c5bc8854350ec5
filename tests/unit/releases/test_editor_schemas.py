"""Schemas for editors are made of the rules that commands check with, and take our own files."""

import json
import shutil
from pathlib import Path

import pytest

from slipway.environments import envfile, environment, setting_rules
from slipway.project import COMPOSE
from slipway.releases import compose_labels, editor_schemas
from slipway.yaml_file import read_yaml


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The sample's files, in a folder that a test may change."""
    (tmp_path / "compose").mkdir()
    for path in (*COMPOSE.glob("[!.]*.env"), *COMPOSE.glob("*.yml")):
        shutil.copy(path, tmp_path / "compose")
    return tmp_path


def written(root: Path, name: str) -> editor_schemas.Schema:
    schema: editor_schemas.Schema = json.loads((root / f".slipway/schemas/{name}.json").read_text())
    return schema


def test_each_file_gets_the_line_that_editors_look_for_once(root: Path) -> None:
    folder, before = root / ".slipway/schemas", (root / "compose/settings.yml").read_text()
    changed = editor_schemas.write(root / "compose", folder)
    assert {"settings.yml", "compose.yml", "compose.prod.yml"} <= {*changed}
    assert "slipway.yml" not in changed
    line = "# yaml-language-server: $schema=../.slipway/schemas/settings.json\n"
    assert (root / "compose/settings.yml").read_text() == line + before
    assert editor_schemas.write(root / "compose", folder) == []
    assert environment.load("dev", root / "compose").settings


def test_every_word_of_a_rule_and_every_label_is_described(root: Path) -> None:
    editor_schemas.write(root / "compose", root / ".slipway/schemas")
    words = written(root, "settings")["additionalProperties"]["properties"]
    assert words.keys() == setting_rules.WORDS.keys() == editor_schemas.HELP.keys()
    own = written(root, "compose")["allOf"][1]["properties"]
    labels = own["services"]["additionalProperties"]["properties"]["deploy"]["properties"]["labels"]
    assert labels["properties"].keys() == {*compose_labels.WORDS}


def test_an_env_file_has_the_settings_and_no_secret(root: Path) -> None:
    editor_schemas.write(root / "compose", root / ".slipway/schemas")
    schema = written(root, "env")
    rules = setting_rules.load(root / "compose")
    assert schema["properties"].keys() == {key for key, rule in rules.items() if not rule.secret}
    for path in (root / "compose").glob("[!.]*.env"):
        assert envfile.read(path).keys() <= schema["properties"].keys()
    assert schema["properties"]["LOG_LEVEL"]["enum"] == ["debug", "info", "warning", "error"]
    assert schema["properties"]["LAB"]["enum"] == ["on", "off"]


def test_the_samples_rules_use_no_word_or_type_that_a_schema_lacks() -> None:
    schema = editor_schemas.of_settings(["dev"])
    words = schema["additionalProperties"]["properties"]
    for path in (COMPOSE / "settings.yml", setting_rules.OURS):
        for rule in read_yaml(path, path.name).values():
            assert rule.keys() <= words.keys()
            kind = rule.get("type", "text")
            assert isinstance(kind, list) or kind in words["type"]["anyOf"][0]["enum"]
