"""Secrets: kept through the real sops whatever they hold, and never shown by accident."""

import copy
import dataclasses
import json
import pickle
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from slipway.environments import environment, setting_rules
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, Refused, SlipwayError, UsageError
from slipway.secrets import (
    composition,
    creation,
    delivery,
    role_passwords,
    sops,
)
from slipway.secrets.secret import Secret
from tests.fakes.host import FakeHost
from tests.fakes.vault import SOPS, Vault, needs_age

HOSTILE = {
    "LINES": "first\nsecond\n\n",
    "QUOTES": 'it\'s "quoted" `ticked` $HOME ${X} $$ \\n \\',
    "YAML": "- a: b # c\n--- |\n  *x",
    "UNICODE": "pässwörd 🔑 \u2028 \u0085 \ufeff",
    "SPACES": "  around  ",
    "CONTROL": "\x01\t\r\n\x7f",
    "NUMBER": "007",
    "LONG": "x" * 100_000,
    "SHELL": "'; rm -rf / #",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return Vault(tmp_path_factory.mktemp("vault"))


@pytest.fixture
def vault(shared: Vault) -> Iterator[Vault]:
    yield shared
    shared.path.unlink(missing_ok=True)


def test_a_secret_cannot_be_shown_joined_or_kept_by_accident() -> None:
    secret = Secret("hunter2")
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>20}",
        f"{[secret]}",
        "{:>9}".format(secret),  # noqa: UP032
    ]
    assert not any("hunter2" in text for text in shown)
    for careless in (
        lambda: ",".join([*"ab", secret]),  # type: ignore[list-item]
        lambda: "a" + secret,  # type: ignore[operator]
        lambda: json.dumps({"a": secret}),
        lambda: pickle.dumps(secret),
        lambda: copy.deepcopy(secret),
        lambda: bytes(secret),  # type: ignore[call-overload]
        lambda: subprocess.run(["echo", secret], check=False),  # type: ignore[list-item]
        lambda: iter(secret),  # type: ignore[call-overload]
    ):
        with pytest.raises(TypeError) as caught:
            careless()
        assert "hunter2" not in str(caught.value)
    assert not hasattr(secret, "__dict__")


def test_equal_secrets_are_equal_and_the_value_is_there_when_asked_for() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("a").reveal() == "a"


@needs_age
def test_hostile_values_come_back_from_sops_as_they_were(vault: Vault) -> None:
    path = vault.keep(HOSTILE)
    found = sops.decrypt_with(SOPS, path, vault.key)
    assert {key: secret.reveal() for key, secret in found.items()} == HOSTILE


@needs_age
@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("type:str]", "type:int]", "A is not an encrypted text"),
        ("A: ENC", "B: ENC", "was changed outside sops"),
        ("A: ENC", "a-b: ENC", "'a-b' must be capital letters"),
        (
            "sops:",
            "C: plain\nsops:",
            r"C is not an encrypted text; .*inv secrets\.set --env=dev --name=C",
        ),
        ("sops:", "A: x\nsops:", "is not YAML: line 2: A is there twice"),
        ("sops:", "<<<<<<< HEAD\nsops:", "is not YAML"),
        ("sops:", "spos:", "is not encrypted with sops"),
        ("mac: ENC", "mac_: ENC", "was changed outside sops"),
    ],
)
def test_a_damaged_file_is_refused_with_its_name_and_no_value(
    vault: Vault, old: str, new: str, complaint: str
) -> None:
    vault.keep({"A": "hunter2"})
    vault.change(old, new)
    with pytest.raises(ConfigError, match=rf"^secrets/dev\.sops\.yaml:? .*{complaint}") as caught:
        sops.decrypt_with(SOPS, vault.path, vault.key)
    assert "hunter2" not in str(caught.value)


@needs_age
def test_a_file_for_somebody_else_is_refused_before_anything_changes(
    vault: Vault, tmp_path: Path
) -> None:
    vault.keep({"A": "x"})
    with pytest.raises(Refused, match="cannot be read with your key; ask someone who can"):
        sops.decrypt_with(SOPS, vault.path, Vault(tmp_path).key)


@needs_age
def test_secrets_are_checked_against_the_rules_of_settings(vault: Vault) -> None:
    vault.keep({"TOKEN": "x", "OTHER": "y"})
    with pytest.raises(ConfigError, match=r"OTHER is not a secret in compose/settings\.yml"):
        sops.read(vault.environment("TOKEN"))
    with pytest.raises(ConfigError, match=r"THIRD is missing\. What it is for\."):
        sops.read(vault.environment("TOKEN", "OTHER", "THIRD"))
    assert sops.read(vault.environment("TOKEN", "OTHER"))["OTHER"] == Secret("y")


@needs_age
def test_the_repositorys_own_secrets_fit_its_schema() -> None:
    for name in ("dev", "testing"):
        env = environment.load(name)
        secret = {key for key, rule in env.rules.items() if rule.secret}
        required = {key for key in secret if env.rules[key].is_required(name)}
        assert required <= set(sops.read(env)) <= secret


@needs_age
def test_a_version_is_named_by_the_ciphertext_and_changes_with_the_value(vault: Vault) -> None:
    env = vault.environment("A", "B")
    vault.keep({"A": "1", "B": "1"})
    first = delivery.versions(env)
    assert first["A"].startswith(f"{env.prefix}.A.")
    assert first["A"].rpartition(".")[2] != first["B"].rpartition(".")[2]
    vault.keep({"A": "2", "B": "1"})
    assert delivery.versions(env)["A"] != first["A"]


@needs_age
def test_delivery_makes_what_is_missing_and_puts_no_value_in_a_command(vault: Vault) -> None:
    env = vault.environment("A", "B")
    vault.keep({"A": "hunter2", "B": "correct horse"})
    names = delivery.versions(env)
    host = FakeHost().answers("sh")
    assert delivery.deliver(host, env, [], []) == []
    assert delivery.deliver(host, env, names.values(), [names["B"]]) == [names["A"]]
    (asked,) = host.asked
    assert not any("hunter2" in word or "aHVudGVyMg" in word for word in asked.argv)
    assert asked.stdin == f"{names['A']} aHVudGVyMg==\n".encode()
    assert delivery.deliver(host, env, names.values(), names.values()) == []
    assert len(host.asked) == 1


@needs_age
@pytest.mark.parametrize(("key", "value"), [("K" * 55, "x"), ("A", "")])
def test_what_a_swarm_cannot_hold_is_refused(vault: Vault, key: str, value: str) -> None:
    vault.keep({key: value})
    env, host = vault.environment(key), FakeHost()
    with pytest.raises(SlipwayError, match=r"dev\.sops\.yaml: "):
        delivery.deliver(host, env, delivery.versions(env).values(), [])
    assert host.asked == []


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    env = dataclasses.replace(environment.load("staging"), secrets=tmp_path)
    with pytest.raises(Refused, match=r"create it: inv secrets\.create --env=staging"):
        sops.read(env)


@needs_age
def test_passwords_of_roles_are_added_and_what_was_there_stays_byte_for_byte(vault: Vault) -> None:
    vault.keep({"A": "kept"})
    before = vault.path.read_text().splitlines()[0]
    env = vault.environment("A")
    generated = {
        key: setting_rules.Rule(key, "text", (), None, False, True, 24, "")
        for key in role_passwords.KEYS
    }
    env = dataclasses.replace(env, rules={**env.rules, **generated})
    assert "inv db.roles --env=dev" in role_passwords.advice(env)
    creation.add(env, role_passwords.missing(env))
    assert vault.path.read_text().splitlines()[0] == before
    values = sops.read(env)
    assert values["A"].reveal() == "kept"
    assert len({values[key].reveal() for key in role_passwords.KEYS}) == 3
    assert role_passwords.missing(env) == [] and role_passwords.advice(env) == ""


URL = "postgres://{DATABASE_USER}:{DATABASE_PASSWORD}@{DATABASE_HOST}/shop?x=1"


def composing(env: Environment, text: str) -> Environment:
    """The environment with a secret that is composed of others."""
    rule = dataclasses.replace(env.rules["SESSION_KEY"], key="URL", generate=0, composed=text)
    return dataclasses.replace(env, rules={**env.rules, "URL": rule})


def test_a_composed_secret_is_percent_encoded_in_a_url_and_as_it_is_elsewhere() -> None:
    env = composing(environment.load("dev"), URL)
    values = {"DATABASE_PASSWORD": Secret("p@ss/w:d%?#é")}
    url = composition.values(env, values)["URL"].reveal()
    assert url == "postgres://logbook:p%40ss%2Fw%3Ad%25%3F%23%C3%A9@db/shop?x=1"
    plain = composition.values(composing(env, "key={DATABASE_PASSWORD}"), values)["URL"]
    assert plain.reveal() == "key=p@ss/w:d%?#é"
    assert composition.values(env, values | {"URL": Secret("own")}) == {}
    assert composition.values(env, {}) == {}


def test_a_composed_secret_has_another_version_when_a_part_of_it_changes() -> None:
    env = composing(environment.load("dev"), URL)
    first = composition.versions(env, {"DATABASE_PASSWORD": "ENC[1]"})
    elsewhere = dataclasses.replace(
        env, settings=MappingProxyType({**env.settings, "DATABASE_HOST": "x"})
    )
    others = [
        composition.versions(env, {"DATABASE_PASSWORD": "ENC[2]"}),
        composition.versions(elsewhere, {"DATABASE_PASSWORD": "ENC[1]"}),
        composition.versions(composing(env, URL + "2"), {"DATABASE_PASSWORD": "ENC[1]"}),
    ]
    assert first not in others
    assert first.keys() == {"URL"}


@needs_age
def test_one_secret_gets_a_value_and_every_other_stays_as_it_is(vault: Vault) -> None:
    env = vault.environment("A", "B")
    vault.keep({"A": "kept"})
    before = vault.path.read_text().splitlines()[0]
    with pytest.raises(ConfigError, match=r"B is missing\. .*inv secrets\.set --env=dev --name=B"):
        sops.read(env)
    for hostile in HOSTILE.values():
        creation.put(env, "B", Secret(hostile))
        assert sops.read(env) == {"A": Secret("kept"), "B": Secret(hostile)}
    assert vault.path.read_text().splitlines()[0] == before


def test_a_value_is_given_only_to_what_is_a_secret(tmp_path: Path) -> None:
    env = dataclasses.replace(environment.load("dev"), secrets=tmp_path)
    for name, sentence in (
        ("SESSION_KY", r"--name=SESSION_KY is no secret of .*did you mean SESSION_KEY\?"),
        ("SMTP_PASSWORD", r"a new one is a line there: SMTP_PASSWORD: \{secret: true\}"),
    ):
        with pytest.raises(UsageError, match=sentence):
            creation.check_name(env, name)
    with pytest.raises(Refused, match=r"create it: inv secrets\.create --env=dev"):
        creation.check_name(env, "SESSION_KEY")


def test_only_what_nobody_can_make_up_is_asked_for(vault: Vault) -> None:
    env = vault.environment("SMTP_PASSWORD")
    generated = dataclasses.replace(env.rules["SMTP_PASSWORD"], key="TOKEN", generate=9)
    composed = dataclasses.replace(generated, key="URL", generate=0, composed="x{TOKEN}")
    rules = {**env.rules, "TOKEN": generated, "URL": composed}
    assert creation.by_hand(dataclasses.replace(env, rules=rules)) == ["SMTP_PASSWORD"]
