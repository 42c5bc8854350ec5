"""Secrets that are encrypted to keys of AWS or of a Vault beside age keys, by the real sops."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from slipway.errors import ConfigError, Refused
from slipway.secrets import change, encrypted_file, recipients, sops
from slipway.secrets.secret import Secret
from tests.fakes import transit
from tests.fakes.transit import Transit
from tests.fakes.vault import SOPS, Vault, needs_age

pytestmark = [needs_age, pytest.mark.depends("slipway.secrets.cloud_keys")]
REGION = "eu-central-1"
RULES = """creation_rules:
  - path_regex: ^secrets/dev\\.sops\\.yaml$
    unencrypted_suffix: __never__
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The address of a key service as AWS has it."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def signed_in(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "REGION": REGION}.items():
        monkeypatch.setenv(f"AWS_{name}", text)
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", aws)


@pytest.fixture
def vault_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Transit]:
    with transit.running() as server:
        monkeypatch.setenv("VAULT_TOKEN", server.token)
        yield server


def key_of(aws: str) -> str:
    client = boto3.client(
        "kms",
        endpoint_url=aws,
        region_name=REGION,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    return str(client.create_key()["KeyMetadata"]["Arn"])


def project(root: Path, **keys: object) -> Vault:
    """A folder whose rule names these keys for dev, which the age key in it does not open."""
    vault = Vault(root)
    rule = "".join(f"    {name}: {json.dumps(value)}\n" for name, value in keys.items())
    (root / ".sops.yaml").write_text(RULES + rule)
    return vault


def written(vault: Vault, **values: str) -> None:
    env = vault.environment(*values)
    vault.path.write_text(sops.encrypt({key: Secret(text) for key, text in values.items()}, env))


def opened(vault: Vault, *names: str) -> dict[str, str]:
    values = sops.read_so_far(vault.environment(*names))
    return {name: value.reveal() for name, value in values.items()}


@pytest.mark.usefixtures("signed_in")
def test_who_may_use_a_key_of_aws_reads_and_changes_secrets_without_an_age_key(
    aws: str, tmp_path: Path
) -> None:
    arn = key_of(aws)
    vault = project(tmp_path, kms=arn)
    written(vault, A="one", B="two")
    assert opened(vault, "A", "B") == {"A": "one", "B": "two"}
    change.apply(vault.environment("A", "B"), {"A": Secret("another")})
    assert opened(vault, "A", "B") == {"A": "another", "B": "two"}
    assert recipients.problems(vault.secrets) == []
    assert [key.name for key in encrypted_file.cloud_keys(vault.path)] == [arn]


@pytest.mark.usefixtures("signed_in")
def test_an_age_key_opens_what_is_encrypted_to_aws_too_and_nobody_is_asked(
    aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = project(tmp_path)
    group = {"age": [vault.recipient], "kms": [{"arn": key_of(aws)}]}
    (tmp_path / ".sops.yaml").write_text(f"{RULES}    key_groups: {json.dumps([group])}\n")
    written(vault, A="one")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
    assert opened(vault, "A") == {"A": "one"}
    assert recipients.problems(vault.secrets) == []


@pytest.mark.usefixtures("signed_in")
def test_a_key_that_no_rule_names_and_a_rule_that_nobody_followed_are_told(
    aws: str, tmp_path: Path
) -> None:
    arn, other = key_of(aws), key_of(aws)
    vault = project(tmp_path, kms=f"{arn},{other}")
    written(vault, A="one")
    project_rules = tmp_path / ".sops.yaml"
    project_rules.write_text(f"{RULES}    kms: {arn}\n")
    with pytest.raises(ConfigError, match=rf"encrypted to {other}, whom \.sops\.yaml does not"):
        opened(vault, "A")
    with pytest.raises(ConfigError, match="nothing was asked there"):
        sops.decrypt(vault.path, vault.environment("A"))
    subprocess.run(
        [SOPS, "updatekeys", "--yes", "secrets/dev.sops.yaml"],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    assert opened(vault, "A") == {"A": "one"}
    project_rules.write_text(f"{RULES}    kms: {arn}\n    age: [{vault.recipient}]\n")
    (problem,) = recipients.problems(vault.secrets)
    assert f"names {vault.recipient}, who cannot read it yet" in problem


def test_who_may_not_use_the_key_is_told_which_one_it_is(
    aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signed_in: None
) -> None:
    arn = key_of(aws)
    vault = project(tmp_path, kms=arn)
    written(vault, A="one")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
    with pytest.raises(Refused, match=rf"cannot be read with your key.*encrypted to {arn}"):
        opened(vault, "A")


def test_a_key_of_a_vault_is_used_and_no_other_vault_gets_the_token(
    vault_server: Transit, tmp_path: Path
) -> None:
    vault = project(tmp_path, hc_vault_transit_uri=vault_server.key("team"))
    written(vault, A="one")
    change.apply(vault.environment("A", "B"), {"B": Secret("two")})
    assert opened(vault, "A", "B") == {"A": "one", "B": "two"}
    assert recipients.problems(vault.secrets) == []
    with transit.running() as stranger:
        vault.change(vault_server.url, stranger.url)
        with pytest.raises(ConfigError, match=rf"encrypted to {stranger.url}"):
            opened(vault, "A", "B")
        with pytest.raises(ConfigError, match="nothing was asked there"):
            sops.decrypt(vault.path, vault.environment("A", "B"))
        assert stranger.tokens == []
