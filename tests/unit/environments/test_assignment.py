"""A setting is set in one line, and only to what a deploy would take."""

import shutil
from pathlib import Path

import pytest

from slipway.environments import assignment, environment, origins
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, Refused, SlipwayError, UsageError
from slipway.project import COMPOSE
from slipway.scaffold import new_environment


@pytest.fixture
def compose(tmp_path: Path) -> Path:
    """The sample's files, in a folder that a test may change."""
    folder = tmp_path / "compose"
    folder.mkdir()
    for path in (*COMPOSE.glob("[!.]*.env"), *COMPOSE.glob("*.yml")):
        shutil.copy(path, folder)
    return folder


def append(path: Path, line: str) -> None:
    path.write_text(path.read_text() + line)


def load(compose: Path, name: str = "staging") -> Environment:
    return environment.load(name, compose, compose.parent / "secrets")


def test_one_line_changes_or_is_added_and_all_others_stay(compose: Path) -> None:
    path = compose / "staging.env"
    before = path.read_text()
    assert assignment.assign(load(compose), "HTTP_PORT", "81") == "80"
    assert path.read_text() == before.replace("HTTP_PORT=80\n", "HTTP_PORT=81\n")
    assignment.assign(load(compose), "LOG_LEVEL", "debug")
    assert path.read_text().endswith("\nLOG_LEVEL=debug\n")
    assignment.assign(load(compose), "ACME_EMAIL", "a b#c $x")
    assert load(compose).settings["ACME_EMAIL"] == "a b#c $x"


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("LOG_LEVL", "debug", r"is not in compose/settings\.yml \(did you mean LOG_LEVEL\?\)"),
        ("LOG_LEVEL", "loud", "must be one of"),
        ("SESSION_KEY", "x", r"is a secret; .*inv secrets\.set --env=staging --name=SESSION"),
        ("ACME_EMAIL", "it's", "an env file cannot hold it"),
        ("ACME_EMAIL", "a\nLAB=on", "an env file cannot hold it"),
        ("TLS", "auto", "TLS=auto needs DOMAIN"),
    ],
)
def test_what_a_deploy_would_refuse_is_not_written(
    compose: Path, name: str, value: str, complaint: str
) -> None:
    before = (compose / "staging.env").read_text()
    with pytest.raises(SlipwayError, match=complaint):
        assignment.assign(load(compose), name, value)
    assert (compose / "staging.env").read_text() == before


def test_each_value_names_its_file_and_a_secret_is_never_one(compose: Path) -> None:
    append(compose / "staging.env", "ACME_DNS=hetzner\n")
    shown = {each.key: each for each in origins.read(load(compose), ["SESSION_KEY"])}
    assert shown["ACME_DNS"].source == "compose/staging.env"
    assert (shown["PROJECT"].value, shown["PROJECT"].source) == ("logbook", "compose/common.env")
    assert (shown["KEEP_RELEASES"].value, shown["KEEP_RELEASES"].source) == ("5", "default")
    key, other = shown["SESSION_KEY"], shown["DATABASE_PASSWORD"]
    assert (key.value, key.source) == ("***", "secrets/staging.sops.yaml")
    assert (other.value, other.source) == ("", "")


def test_a_new_environment_begins_as_another_without_what_two_cannot_share(compose: Path) -> None:
    append(compose / "staging.env", "DOMAIN=staging.example.com\n")
    paths = new_environment.create(load(compose), "demo")
    assert [path.name for path in paths] == ["demo.env", "compose.demo.yml"]
    env = load(compose, "demo")
    assert env.settings["DOMAIN"] == "" and env.settings["HTTP_PORT"] == "80"
    assert (
        (compose / "demo.env").read_text().startswith("# Settings of demo, which began as staging")
    )
    steps = new_environment.left(load(compose), "demo")
    assert "inv secrets.create --env=demo" in steps and not any("team" in each for each in steps)
    (compose.parent / "team.yml").touch()
    letting_in = "inv team.add --name=NAME --environments=demo"
    assert letting_in in new_environment.left(load(compose), "demo")
    assert any(step.startswith("inv env.set --env=demo --name=DOMAIN") for step in steps)
    with pytest.raises(Refused, match=r"compose/demo\.env is there already"):
        new_environment.create(load(compose), "demo")


def test_a_new_environment_of_this_computer_has_a_port_of_its_own(compose: Path) -> None:
    new_environment.create(load(compose, "dev"), "lab")
    ports = {load(compose, name).settings["HTTP_PORT"] for name in ("dev", "testing", "lab")}
    assert len(ports) == 3


@pytest.mark.parametrize("name", ["../x", "PROD", "", "-rf", "common", "a" * 17, "$(id)", "prod\n"])
def test_a_name_that_is_none_makes_no_file(compose: Path, name: str) -> None:
    before = sorted(compose.iterdir())
    with pytest.raises(UsageError, match="is no name for an environment"):
        new_environment.create(load(compose), name)
    assert sorted(compose.iterdir()) == before


def test_a_rule_that_declares_a_difference_says_why(compose: Path) -> None:
    (compose / "settings.yml").write_text("X: {type: text, differs: true}\n")
    with pytest.raises(ConfigError, match="X: differs must be why it is not the same"):
        load(compose)
