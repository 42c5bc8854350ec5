"""A change of a file of secrets is whole or not there, alone, small, and opens."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from slipway import whole_file
from slipway.errors import Busy, ConfigError, Refused, SlipwayError
from slipway.secrets import change, conflict, creation, sops
from slipway.secrets.secret import Secret
from tests.fakes.vault import SOPS, Vault, needs_age

pytestmark = needs_age
CANARY = "canary-3f9c"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return Vault(tmp_path_factory.mktemp("vault"))


@pytest.fixture
def vault(shared: Vault) -> Iterator[Vault]:
    shared.keep({"A": "1", "B": "2"})
    yield shared
    for each in shared.secrets.iterdir():
        if each != shared.key:
            each.unlink()


def values(vault: Vault) -> dict[str, str]:
    opened = sops.read_so_far(vault.environment("A", "B", "C", "D", "E"))
    return {key: value.reveal() for key, value in opened.items()}


def test_a_change_is_one_line_with_the_date_and_the_sum_of_the_file(vault: Vault) -> None:
    before = vault.path.read_text().splitlines()
    change.apply(vault.environment("A", "B"), {"B": Secret("another")})
    after = vault.path.read_text().splitlines()
    pairs = zip(before, after, strict=True)
    changed = {new.split(":")[0].strip() for old, new in pairs if old != new}
    assert {"B", "mac"} <= changed <= {"B", "mac", "lastmodified"}  # which has seconds


def test_several_are_changed_and_removed_in_one_move(vault: Vault) -> None:
    env = vault.environment("A", "B", "C", "D")
    change.apply(env, {"C": Secret("3"), "D": Secret("4")}, removed=["A"])
    assert values(vault) == {"B": "2", "C": "3", "D": "4"}


@pytest.mark.parametrize("stage", ["set", "decrypt", "before the move", "after the move"])
def test_a_kill_at_any_point_leaves_the_old_file_or_the_new_one_and_no_plain_text(
    vault: Vault, stage: str
) -> None:
    env, before = vault.environment("A", "B"), vault.path.read_bytes()
    child = os.fork()
    if child == 0:
        _die_at(stage)
        change.apply(env, {"A": Secret(CANARY)})
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    is_new = vault.path.read_bytes() != before
    assert is_new == (stage == "after the move")
    assert values(vault)["A"] == (CANARY if is_new else "1")
    assert not any(CANARY.encode() in each.read_bytes() for each in vault.secrets.iterdir())
    change.apply(env, {"B": Secret("after")})
    assert values(vault)["B"] == "after"
    assert set(vault.secrets.iterdir()) == {vault.key, vault.path}


def _die_at(stage: str) -> None:
    """Have this process killed at a stage of a change."""

    def dying(real: Callable[..., object], when: Callable[[Path], bool]) -> Callable[..., object]:
        def call(*words: object) -> object:
            result = real(*words) if stage in ("set", "decrypt") else None
            paths = [word for word in words if isinstance(word, Path)]
            if when(paths[0]):
                os.kill(os.getpid(), signal.SIGKILL)
            return result if stage in ("set", "decrypt") else real(*words)

        return call

    if stage == "set":
        sops.set_value = dying(sops.set_value, lambda _: True)  # type: ignore[assignment]
    elif stage == "decrypt":
        sops.decrypt = dying(sops.decrypt, lambda _: True)  # type: ignore[assignment]
    else:  # the file is brought to the disk before the move, its folder after it
        is_folder = stage == "after the move"
        settle = dying(whole_file._settle, lambda path: path.is_dir() == is_folder)
        whole_file._settle = settle  # type: ignore[assignment]


def test_of_changes_at_once_each_survives(vault: Vault) -> None:
    env = vault.environment("A", "B", "C", "D", "E")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: change.apply(env, {name: Secret(f"new {name}")}), "ABCDE"))
    assert values(vault) == {name: f"new {name}" for name in "ABCDE"}


def test_a_change_that_does_not_end_is_waited_for_and_then_named(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change, "PATIENCE", 0.1)
    env = vault.environment("A", "B")
    with change.locked(vault.path), pytest.raises(Busy, match=r"another command changes secrets/"):
        change.apply(env, {"A": Secret("x")})


def test_what_another_program_writes_meanwhile_is_not_overwritten(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sops.set_value

    def beside(*words: object) -> None:
        real(*words)  # type: ignore[arg-type]
        vault.path.write_text(vault.path.read_text() + "# of another\n")

    monkeypatch.setattr(sops, "set_value", beside)
    with pytest.raises(Refused, match="was changed meanwhile by something else"):
        change.apply(vault.environment("A", "B"), {"A": Secret("x")})
    assert vault.path.read_text().endswith("# of another\n")


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ('"$REAL" "$@"; sed -i "/^B:/d" "$3"', "was changed outside sops|something else"),
        ('"$REAL" set --value-stdin "$3" \'["B"]\'', "something else than it was asked"),
        ("exit 0", "something else than it was asked"),
        ("echo '" + CANARY + "' >&2; exit 9", "was not changed"),
        ("kill -9 $$", "was not changed"),
        (': >"$3"', "is not encrypted with sops"),
    ],
)
def test_a_sops_that_does_something_else_changes_nothing(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, sentence: str
) -> None:
    before = vault.path.read_bytes()
    install(tmp_path, monkeypatch, f'if [ "$1" = set ]; then {script}; else "$REAL" "$@"; fi')
    with pytest.raises(ConfigError, match=sentence) as caught:
        change.apply(vault.environment("A", "B"), {"A": Secret(CANARY)})
    assert CANARY not in str(caught.value)
    assert vault.path.read_bytes() == before
    assert set(vault.secrets.iterdir()) == {vault.key, vault.path}


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put a program in the place of sops; it finds the real one in $REAL."""
    program, calls = folder / "bin" / "sops", folder / "calls"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nREAL={SOPS}\necho "$1" >>{calls}\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return calls


def test_a_command_decrypts_once_however_often_it_reads(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sops._opened.clear()
    calls = install(tmp_path, monkeypatch, 'exec "$REAL" "$@"')
    env = vault.environment("A", "B")
    for _ in range(3):
        sops.read(env)
    assert calls.read_text().split() == ["decrypt"]
    calls.unlink()
    creation.put(env, "A", Secret("new"))
    assert sops.read(env)["A"] == Secret("new")
    assert calls.read_text().split() == ["set", "decrypt"]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [("", "A is empty"), ("x" * 500_001, "A holds 500,001 bytes, .* at most 500,000")],
    ids=["empty", "large"],
)
def test_what_no_machine_could_hold_is_refused_before_it_is_written(
    vault: Vault, value: str, sentence: str
) -> None:
    before = vault.path.read_bytes()
    with pytest.raises(ConfigError, match=sentence):
        change.apply(vault.environment("A", "B"), {"A": Secret(value)})
    assert vault.path.read_bytes() == before


@pytest.mark.parametrize("way", ["merge", "rebase"])
def test_a_conflict_of_two_people_says_what_to_type_again(tmp_path: Path, way: str) -> None:
    vault = Vault(tmp_path)
    env = vault.environment("A", "B", "C")
    vault.keep({"A": "1", "B": "2", "C": "3"})
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path)
    git(tmp_path, "checkout", "--quiet", "-b", "mine")
    change.apply(env, {"A": Secret("mine")}, removed=["C"])
    commit(tmp_path)
    git(tmp_path, "checkout", "--quiet", "main")
    change.apply(env, {"B": Secret("theirs")})
    commit(tmp_path)
    git(tmp_path, "checkout", "--quiet", "mine")
    git(tmp_path, way, "main", check=False)
    with pytest.raises(SlipwayError) as caught:
        creation.put(env, "A", Secret("mine"))
    side = {"merge": "theirs", "rebase": "ours"}[way]
    assert str(caught.value) == (
        "secrets/dev.sops.yaml: two people changed it, and a merge of its lines opens for nobody. "
        "You changed A, C; take the other's file and do yours again: "
        f"git checkout --{side} -- secrets/dev.sops.yaml && "
        "inv secrets.set --env=dev --name=A && inv secrets.unset --env=dev --name=C && "
        "git add secrets/dev.sops.yaml"
    )
    git(tmp_path, "checkout", f"--{side}", "--", "secrets/dev.sops.yaml")
    assert conflict.advice(env) == ""
    change.apply(env, {"A": Secret("mine")}, removed=["C"])
    opened = sops.read_so_far(env)
    assert {key: value.reveal() for key, value in opened.items()} == {"A": "mine", "B": "theirs"}


def git(folder: Path, *words: str, check: bool = True) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=check, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "Change secrets")
