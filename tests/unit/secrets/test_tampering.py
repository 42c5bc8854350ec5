"""A file of secrets that was damaged or forged is refused in a sentence, before sops sees it or by
what sops says; none of its values is repeated."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from slipway.environments import setting_rules
from slipway.errors import ConfigError, Refused, SlipwayError
from slipway.secrets import encrypted_file, recipients, sops
from tests.fakes.vault import SOPS, Vault, needs_age
from tests.unit.secrets.test_change import install

pytestmark = needs_age
CANARY = "canary-20cc"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return Vault(tmp_path_factory.mktemp("vault"))


@pytest.fixture
def vault(shared: Vault) -> Iterator[Vault]:
    shared.keep({"A": CANARY, "B": "2"})
    yield shared
    shared.path.unlink()


def refused(vault: Vault) -> str:
    with pytest.raises(ConfigError) as caught:
        sops.decrypt_with(SOPS, vault.path, vault.key)
    text = str(caught.value)
    assert CANARY not in text and "goroutine" not in text
    assert "dev.sops.yaml" in text
    return text


@pytest.mark.parametrize(
    ("pattern", "new", "complaint"),
    [
        (r"(data:)(.)", lambda m: m[1] + ("a" if m[2] != "a" else "b"), "a value does not verify"),
        (r"(A: .*\n)(B: .*\n)", r"\2\1", "a line was added, removed or moved"),
        (r"B: .*\n", "", "a line was added, removed or moved"),
        (r"type:str", "type:int", "A is not an encrypted text"),
        (r"type:str", "type:bytes", "A is not an encrypted text"),
        (r"type:str", "type:comment", "A is not an encrypted text"),
        (r"^", "NEW:\n", "NEW is not an encrypted text"),
        (r"^", "NEW: ''\n", "NEW is not an encrypted text"),
        (r"^", f"NEW: {CANARY}\n", "NEW is not an encrypted text"),
        (r"^", "NEW: 7\n", "NEW is not an encrypted text"),
        (r"^(A: .*\n)", r"\1\1", "A is there twice"),
        (r"^A:", "a_unencrypted:", "must be capital letters"),
        (r"^A:", "'':", "must be capital letters"),
        (r"    mac: .*\n", "", "was changed outside sops"),
        (r"lastmodified: .*", 'lastmodified: "2020-01-01T00:00:00Z"', "was changed outside sops"),
        (r"^", "<<<<<<< HEAD\n", "a merge gone wrong"),
        (r"\n", "\r\n", ""),
        (r"sops:[\s\S]*", "", "is not encrypted with sops"),
        (r"[\s\S]*", "", "is not encrypted with sops"),
        (r"[\s\S]*", "\x00\x01\x02", "is not YAML"),
        (r"(?<=data:)[\s\S]*", "", "is not an encrypted text|is not YAML"),
    ],
)
def test_what_was_changed_by_hand_is_refused(
    vault: Vault, pattern: str, new: str, complaint: str
) -> None:
    text = vault.path.read_text()
    count = 0 if pattern == r"\n" else 1
    vault.path.write_bytes(re.sub(pattern, new, text, count=count).encode())
    if not complaint:  # line ends of Windows are read as they are, or refused
        try:
            assert sops.decrypt_with(SOPS, vault.path, vault.key)["B"].reveal() == "2"
        except ConfigError as error:
            assert CANARY not in str(error)
        return
    assert re.search(complaint, refused(vault))


def test_what_is_no_file_of_ours_is_refused_before_it_is_read(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = vault.secrets.parent / "elsewhere"
    vault.path.rename(target)
    vault.path.symlink_to(target)
    assert "is a symbolic link" in refused(vault)
    vault.path.unlink()
    target.rename(vault.path)
    monkeypatch.setattr(encrypted_file, "LARGEST_FILE", 100)
    assert "is larger than" in refused(vault)


def test_a_comment_in_plain_text_is_named_without_a_key(vault: Vault) -> None:
    vault.path.write_text(f"# the old one was {CANARY}\n{vault.path.read_text()}")
    lines = recipients.problems(vault.secrets)
    assert "secrets/dev.sops.yaml: line 1 is a comment in plain text" in lines
    assert CANARY not in "".join(lines)


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        (f"echo not json {CANARY}", "did not decrypt to JSON"),
        (f"echo {CANARY} >&2; exit 2", "could not be decrypted"),
        (f"echo 'panic: {CANARY}' >&2; kill -SEGV $$", "could not be decrypted"),
        ("exec sleep 30", "no end after"),
    ],
)
def test_whatever_sops_does_its_words_are_not_repeated(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, complaint: str
) -> None:
    monkeypatch.setattr(sops, "TIMEOUT", 0.5)
    install(tmp_path, monkeypatch, script)
    with pytest.raises(SlipwayError, match=complaint) as caught:
        sops.decrypt_with(str(tmp_path / "bin" / "sops"), vault.path, vault.key)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        ("AGE-SECRET-KEY-1", "holds a damaged key"),
        ("  AGE-SECRET-KEY-1QQQ", "holds a damaged key"),
        ("age1qqq", "holds a public key alone"),
        ("garbage", "holds no age key"),
        (None, "is missing"),
        ("/", "is a folder"),
    ],
)
def test_a_key_that_is_none_is_said_with_where_keys_were_looked_for(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, why: str
) -> None:
    key = tmp_path / "keys.txt"
    if content == "/":
        key.mkdir()
    elif content is not None:
        key.write_text(content)
        key.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(key))
    with pytest.raises(Refused, match=r"cannot be read with your key; ask someone") as caught:
        sops.decrypt_with(SOPS, vault.path, None)
    text = str(caught.value)
    assert vault.recipient in text
    assert f"{key} ({why}" in text or f"{key}, which SOPS_AGE_KEY_FILE names ({why})" in text
    assert "QQQ" not in text


def test_a_key_with_a_passphrase_fails_at_once_where_nobody_can_type_it(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "keys.txt"
    age = pexpect.spawn("age", ["--passphrase", "--output", str(key), str(vault.key)], timeout=30)
    for _ in range(2):
        age.expect("passphrase")
        age.sendline("horse")
    age.expect(pexpect.EOF)
    age.close()
    key.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(key))
    monkeypatch.setattr(sops, "TIMEOUT", 10)
    with pytest.raises(Refused, match="cannot be read with your key"):
        sops.decrypt_with(SOPS, vault.path, None)


@pytest.mark.parametrize(
    ("key", "is_plain_one"),
    [
        *[(key, True) for key in ("PATH", "LD_PRELOAD", "BASH_ENV", "PYTHONPATH", "SOPS_AGE_KEY")],
        *[(key, False) for key in ("DOCKER_HOST", "COMPOSE_FILE")],
    ],
)
def test_a_name_that_programs_obey_is_no_secret_and_one_that_compose_does_no_setting_either(
    tmp_path: Path, key: str, *, is_plain_one: bool
) -> None:
    file = tmp_path / "settings.yml"
    file.write_text(f"{key}: {{secret: true}}\n")
    with pytest.raises(ConfigError, match=f"{key} means something to programs"):
        setting_rules.read(file)
    file.write_text(f"{key}: {{type: text}}\n")
    if is_plain_one:
        assert setting_rules.read(file).keys() == {key}
    else:
        with pytest.raises(ConfigError, match=f"{key} means something to programs"):
            setting_rules.read(file)
    file.write_text("LD_SDK_KEY: {secret: true}\nDOCKER_PASSWORD: {secret: true}\n")
    assert len(setting_rules.read(file)) == 2


@pytest.mark.parametrize("key", ["sops", "sops_x", "X_unencrypted", "x", "A B"])
def test_a_name_that_sops_would_treat_otherwise_is_refused(tmp_path: Path, key: str) -> None:
    file = tmp_path / "settings.yml"
    file.write_text(f"{json.dumps(key)}: {{secret: true}}\n")
    with pytest.raises(ConfigError, match="must be capital letters"):
        setting_rules.read(file)


def test_a_forged_file_for_others_is_refused_by_its_recipients(
    vault: Vault, tmp_path: Path
) -> None:
    """Whoever knows the public keys can make a file that opens; not one that names nobody else."""
    stranger = Vault(tmp_path)
    prod = vault.secrets / "prod.sops.yaml"
    (vault.secrets.parent / ".sops.yaml").write_text(
        "creation_rules:\n"
        f"  - path_regex: ^secrets/prod\\.sops\\.yaml$\n    age: {vault.recipient}x\n"
    )
    argv = [SOPS, "encrypt", "--age", f"{vault.recipient},{stranger.recipient}"]
    argv += ["--input-type", "json", "--output-type", "yaml", "/dev/stdin"]
    done = subprocess.run(
        argv, input=b'{"A": "x"}', capture_output=True, check=True, cwd=vault.secrets.parent / ".."
    )
    prod.write_bytes(done.stdout)
    try:
        with pytest.raises(ConfigError, match=r"whom \.sops\.yaml does not name|public key of dev"):
            recipients.check(prod)
    finally:
        prod.unlink()
        (vault.secrets.parent / ".sops.yaml").unlink()
