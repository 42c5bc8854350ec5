"""A value on its way, whatever it holds: given, committed, cloned, decrypted, handed to a Swarm."""

import base64
import dataclasses
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipway.bootstrap import devsecrets
from slipway.environments import environment
from slipway.errors import ConfigError
from slipway.images.sources import Build
from slipway.releases import build_secrets
from slipway.secrets import creation, delivery, sops
from slipway.secrets.secret import Secret
from slipway.show import secret_prompt
from tests.fakes.host import FakeHost
from tests.fakes.vault import Vault, needs_age
from tests.unit.secrets.test_change import git
from tests.unit.secrets.test_delivery import HOSTILE

LARGE = "0123456789abcde\n" * 31_250  # 500,000 bytes
ANYTHING = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("$#'\"\\`{}% \n\r\t\x00"), min_size=1
)


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    """A vault in git."""
    root = tmp_path_factory.mktemp("vault")
    vault = Vault(root)
    vault.keep({"A": "x"})
    git(root, "init", "--quiet")
    return vault


def arrives(vault: Vault, value: str, folder: Path) -> None:
    """Give a value, commit it, clone the repository, and deliver from there."""
    env, root = vault.environment("A"), vault.secrets.parent
    creation.put(env, "A", Secret(value))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--allow-empty", "-m", "x")
    clone = folder / "clone"
    git(root, "clone", "--quiet", str(root), str(clone))
    there = dataclasses.replace(env, secrets=clone / "secrets")
    assert sops.read(there)["A"].reveal() == value
    host = FakeHost().answers("sh")
    delivery.deliver(host, there, delivery.versions(there).values(), [])
    (asked,) = host.asked
    assert base64.b64decode(asked.stdin.split()[1]) == value.encode()
    assert not any(value in word for word in asked.argv if len(value) > 3)
    subprocess.run(["rm", "-rf", str(clone)], check=True)


@needs_age
@given(ANYTHING)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_text_arrives_byte_for_byte(
    vault: Vault, tmp_path_factory: pytest.TempPathFactory, value: str
) -> None:
    arrives(vault, value, tmp_path_factory.mktemp("one"))


@needs_age
@pytest.mark.parametrize("value", [*HOSTILE.values(), LARGE, "a\x00b"], ids=lambda v: f"{len(v)}")
def test_what_breaks_other_tools_arrives_byte_for_byte(
    vault: Vault, tmp_path: Path, value: str
) -> None:
    arrives(vault, value, tmp_path)


@needs_age
def test_bytes_that_are_no_text_arrive_as_they_are_also_in_the_hacking_loop_and_in_builds(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(256)) * 1000
    file, loop = tmp_path / "store.jks", tmp_path / "loop"
    file.write_bytes(data)
    env = vault.environment("A")
    rules = {**env.rules, "A": dataclasses.replace(env.rules["A"], type="binary")}
    env = dataclasses.replace(env, rules=rules)
    creation.put(env, "A", secret_prompt.from_file(file, "A", is_binary=True))
    host = FakeHost().answers("sh")
    delivery.deliver(host, env, delivery.versions(env).values(), [])
    assert base64.b64decode(host.asked[0].stdin.split()[1]) == data
    build = Build("api", "api", tmp_path, tmp_path / "Dockerfile", {})
    assert build_secrets.reader(env)(build, "A") == data
    monkeypatch.setattr(environment, "examine", lambda _: (env, []))
    devsecrets.materialise(loop, vault.secrets)
    assert (loop / "A").read_bytes() == data
    with pytest.raises(ConfigError, match="A must be base64; give it with --from-file"):
        creation.put(env, "A", Secret("no base64"))
