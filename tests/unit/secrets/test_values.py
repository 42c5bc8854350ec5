"""Values that come from a random source, another environment, a file: refused before they harm."""

import dataclasses
import subprocess
from pathlib import Path

import pytest

from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, Refused, UsageError
from slipway.scaffold.importing import dotenv_file
from slipway.secrets import copying, creation, sops
from slipway.secrets.secret import Secret
from slipway.show import commit_offer, confirm, secret_prompt
from tests.fakes.vault import Vault, needs_age
from tests.unit.secrets.test_delivery import HOSTILE

CANARY = "canary-51ab"


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    """An environment whose file has A and B, and may have C."""
    vault = Vault(tmp_path)
    vault.keep({"A": "1", "B": "2"})
    env = vault.environment("A", "B", "C")
    rules = {**env.rules, "C": dataclasses.replace(env.rules["C"], required=False)}
    return dataclasses.replace(env, rules=rules)


@needs_age
def test_a_random_value_takes_no_others_place_unasked(env: Environment) -> None:
    assert creation.generate(env, "C", replace=False) is False
    value = sops.read(env)["C"].reveal()
    assert len(value) == 43  # 32 bytes
    with pytest.raises(Refused, match=r"C of dev has a value already.*add --replace"):
        creation.generate(env, "C", replace=False)
    assert creation.generate(env, "C", replace=True) is True
    assert sops.read(env)["C"].reveal() != value


@needs_age
def test_what_an_environment_must_have_is_not_taken_out(env: Environment) -> None:
    with pytest.raises(Refused, match=r"dev must have A, says compose/settings\.yml"):
        creation.unset(env, "A")
    with pytest.raises(UsageError, match=r"has no C"):
        creation.unset(env, "C")
    creation.put(env, "C", Secret("x"))
    creation.unset(env, "C")
    assert sops.read(env).keys() == {"A", "B"}


@needs_age
def test_values_go_to_another_environment_only_where_no_more_people_read_them(
    env: Environment, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Vault(tmp_path / "other")
    other.keep({"B": "theirs"})
    testing = dataclasses.replace(env, name="testing", secrets=other.secrets)
    other.path.rename(testing.secrets_file)
    with pytest.raises(Refused, match=r"testing has B already.*add --replace"):
        copying.copy(env, testing, ["A", "B"], replace=False)
    assert copying.copy(env, testing, ["A"], replace=False) == ["A"]
    assert copying.copy(env, testing, ["B"], replace=True) == ["B"]
    opened = sops.read_so_far(testing)
    assert {name: value.reveal() for name, value in opened.items()} == {"A": "1", "B": "2"}
    with pytest.raises(UsageError, match=r"secrets/dev\.sops\.yaml has no C"):
        copying.copy(env, testing, ["C"], replace=False)
    staging, prod = (dataclasses.replace(env, name=name) for name in ("staging", "prod"))
    for source, target, why in (
        (staging, env, "the key of dev lies in the repository"),
        (prod, staging, "more people read staging than prod"),
    ):
        with pytest.raises(Refused, match=why):
            copying.copy(source, target, ["A"], replace=True)
    rules = {**env.rules, "A": dataclasses.replace(env.rules["A"], generate=32)}
    with pytest.raises(Refused, match="A is made anew for each environment"):
        copying.copy(env, dataclasses.replace(testing, rules=rules), ["A"], replace=True)


def test_a_dotenv_file_is_taken_over_whole_or_not_at_all(tmp_path: Path) -> None:
    env, file = environment.load("dev"), tmp_path / ".env"
    pem = "-----BEGIN X-----\nAAAASECRETTAIL==\n-----END X-----"
    file.write_text(f"SESSION_KEY='{pem}'\nLOG_LEVEL=debug\nexport DATABASE_PASSWORD='a#b $x'\n")
    parts = dotenv_file.read(env, file)
    assert parts.secrets == {"SESSION_KEY": Secret(pem), "DATABASE_PASSWORD": Secret("a#b $x")}
    assert dict(parts.plain) == {"LOG_LEVEL": "debug"}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("SESSION_KEY=$OTHER" + CANARY, ":2: SESSION_KEY: Compose would fill in"),
        ("SESSION_KEY=x # " + CANARY, ":2: SESSION_KEY: a comment behind a value could be"),
        (f"SESSION_KEY='{CANARY}", ":2: expected KEY=value"),
        ("SESSION_KEY", ":2: expected KEY=value"),
        (f"LOG_LEVEL={CANARY}", ":2: LOG_LEVEL was already set in line 1"),
        (f"log-level={CANARY}", "'log-level' must be capital letters"),
        (f"STRIPE_TOKEN={CANARY}", "looks secret, so add: STRIPE_TOKEN: {secret: true}"),
        (f"STRIPE_NAME={CANARY}", "looks plain, so add: STRIPE_NAME: {type: text}"),
        (f"STRIPE=postgres://u:{CANARY}@h/d", "looks secret"),
    ],
)
def test_what_is_not_clear_in_a_dotenv_file_is_named_by_line_and_never_by_value(
    tmp_path: Path, line: str, complaint: str
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"LOG_LEVEL=debug\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        dotenv_file.read(environment.load("dev"), file)
    assert complaint in str(caught.value)
    assert CANARY not in str(caught.value)


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"LOG_LEVEL=debug\nSESSION_KEY=\xff\n")
    with pytest.raises(ConfigError, match=r"\.env:2: byte 28 is not UTF-8"):
        dotenv_file.read(environment.load("dev"), file)
    with pytest.raises(UsageError, match=r"\.env is no UTF-8 text; say type: binary"):
        secret_prompt.from_file(file, "X")


@needs_age
def test_what_a_dotenv_file_would_overwrite_is_named_first(env: Environment) -> None:
    values = {"A": Secret("new"), "C": Secret("3")}
    with pytest.raises(Refused, match="dev has A already, and nothing was taken over"):
        creation.take_over(env, values, replace=False)
    assert creation.take_over(env, values, replace=True) == ["A", "C"]
    assert sops.read(env) == {**values, "B": Secret("2")}


def test_a_file_is_a_value_with_all_of_its_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "value"
    for text in (*HOSTILE.values(), "one line\n"):
        file.write_bytes(text.encode())
        assert secret_prompt.from_file(file, "A of dev") == Secret(text)
    assert "value ends with a line end, which A of dev has too" in capsys.readouterr().err


def test_a_commit_is_offered_and_takes_in_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def git(*words: str) -> str:
        argv = ["git", *words]
        return subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    git("init", "--quiet")
    for key, value in (("name", "Ada"), ("email", "a@example.com")):
        git("config", f"user.{key}", value)
    git("config", "commit.gpgsign", "false")
    monkeypatch.setattr(commit_offer, "ROOT", tmp_path)
    for name in ("secret", "other"):
        (tmp_path / name).write_text("x")
    git("add", "other")
    commit_offer.offer(["secret"], "Give A a value")
    line = "git add secret && git commit --message='Give A a value' -- secret"
    assert capsys.readouterr().out == f"{line}\n"
    monkeypatch.setattr(confirm, "ask", lambda _: True)
    commit_offer.offer(["secret"], "Give A a value")
    assert git("show", "--name-only", "--format=%s").split("\n")[:3] == [
        "Give A a value",
        "",
        "secret",
    ]
    assert git("status", "--porcelain").strip() == "A  other"
