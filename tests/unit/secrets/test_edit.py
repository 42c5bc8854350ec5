"""Secrets in an editor: as text, in memory, checked on closing, gone also after a crash."""

import dataclasses
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.environments import environment
from slipway.errors import ConfigError, Refused, UsageError
from slipway.secrets import edit_text, editing, sops
from slipway.secrets.secret import Secret
from slipway.show import confirm, secret_editor
from tests.fakes.vault import Vault, needs_age
from tests.unit.secrets.test_delivery import HOSTILE

CANARY = "canary-8d1e"
values_of_any_kind = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t'\"#$\\ :|-"), min_size=1
)


@given(values_of_any_kind)
@settings(max_examples=60, deadline=None)
def test_a_text_that_is_edited_holds_every_value_as_it_is_or_is_not_written(value: str) -> None:
    env = environment.load("dev")
    values = {"A": Secret(value), "B": Secret("007"), "C": Secret("null")}
    try:
        text = edit_text.write(env, values)
    except ConfigError as error:
        assert value not in str(error) or len(value) < 40
    else:
        assert edit_text.read(text) == values


def test_values_that_people_keep_can_be_edited() -> None:
    env, values = environment.load("dev"), {key: Secret(text) for key, text in HOSTILE.items()}
    assert edit_text.read(edit_text.write(env, values)) == values
    pem = "-----BEGIN X-----\nMII+/=\n-----END X-----\n"
    assert "A: |\n  -----BEGIN X-----\n" in edit_text.write(env, {"A": Secret(pem)})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"A: {CANARY}\nA: x\n", "line 2: A is there twice"),
        (f"A: [{CANARY}]\n", "line 1 must be NAME: value"),
        (f"a-b: {CANARY}\n", "line 1: a name has capital letters"),
        (f'A: "{CANARY}\n', "is not YAML"),
        (f"A: x\x07{CANARY}\n", "a character in it that YAML cannot hold"),
        (f"- {CANARY}\n", "it must be lines of NAME: value"),
        (f"SESSION_KY: {CANARY}\n", r"did you mean SESSION_KEY\?"),
        ("DATABASE_PASSWORD: x\n", "SESSION_KEY is missing, and dev must have it"),
        ("DATABASE_PASSWORD: x\nSESSION_KEY: ''\n", "SESSION_KEY is empty"),
    ],
)
def test_what_cannot_be_kept_is_named_by_line_and_never_by_value(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        editing.check(environment.load("dev"), text)
    assert CANARY not in str(caught.value)


@needs_age
def test_only_what_differs_is_written_and_never_over_another_change(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.keep({"A": "1", "B": "2"})
    env, before = vault.environment("A", "B", "C"), vault.path.read_bytes()
    env = dataclasses.replace(
        env, rules={k: dataclasses.replace(r, required=False) for k, r in env.rules.items()}
    )
    old = sops.read(env)
    assert editing.write(env, before, old, {"A": Secret("1"), "C": Secret("3")}) == ["B", "C"]
    assert sops.read(env) == {"A": Secret("1"), "C": Secret("3")}
    assert vault.path.read_text().splitlines()[0] == before.decode().splitlines()[0]
    with pytest.raises(Refused, match="B of dev got another value while you edited"):
        editing.write(env, before, old, {**old, "B": Secret("mine")})
    assert editing.write(env, before, old, old) == []


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A script in the place of an editor."""
    script = tmp_path / "editor"
    monkeypatch.setenv("VISUAL", str(script))
    yield script


def make(script: Path, text: str) -> None:
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o755)


def leftovers() -> list[Path]:
    return list(secret_editor.MEMORY.glob(f"{secret_editor.START}{os.getpid()}-*"))


def test_the_file_is_ones_own_lies_in_memory_and_goes(editor: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    make(editor, f'stat -c "%a %n" "$1" "$(dirname "$1")" >{seen}; echo new >"$1"; touch "$1~"')
    assert secret_editor.edited("old", lambda text: text) == "new\n"
    (file_mode, file), (folder_mode, folder) = (
        line.split(" ", 1) for line in seen.read_text().splitlines()
    )
    assert (file_mode, folder_mode) == ("600", "700")
    assert file.startswith("/dev/shm/")
    assert not Path(folder).exists() and leftovers() == []


def test_what_is_refused_can_be_edited_again(
    editor: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(editor, 'echo x >>"$1"')
    answers = iter([True, False])
    monkeypatch.setattr(confirm, "ask", lambda _: next(answers))

    def refuse(text: str) -> str:
        raise ConfigError(f"{text.count('x')} lines")

    with pytest.raises(Refused, match="nothing was changed"):
        secret_editor.edited("", refuse)
    assert "this cannot be kept: 2 lines" in capsys.readouterr().err
    assert leftovers() == []


@pytest.mark.parametrize(("text", "why"), [("exit 0", "without a change"), ("exit 1", "ended")])
def test_an_editor_that_fails_or_changes_nothing_changes_nothing(
    editor: Path, text: str, why: str
) -> None:
    make(editor, text)
    with pytest.raises(Refused, match=f"{why}.*nothing was changed"):
        secret_editor.edited("old", lambda new: new)


def test_the_file_goes_when_the_command_is_killed(editor: Path) -> None:
    make(editor, "sleep 30")
    code = f"from slipway.show import secret_editor as e; e.edited('{CANARY}', str)"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    own = f"{secret_editor.START}{process.pid}-*"
    _wait_until(lambda: any(secret_editor.MEMORY.glob(f"{own}/secrets.yaml")))
    process.kill()
    process.wait()
    _wait_until(lambda: not any(secret_editor.MEMORY.glob(own)))
    os.killpg(process.pid, signal.SIGKILL)  # its editor


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_a_crash_of_all_left_goes_with_the_next_edit(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = tmp_path / f"{secret_editor.START}{gone.pid}-x"
    others = tmp_path / f"{secret_editor.START}{os.getpid()}-y"
    left.mkdir()
    others.mkdir()
    with secret_editor.private_file("x", tmp_path) as file:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert not left.exists() and others.exists()
    assert list(tmp_path.iterdir()) == [others]


@pytest.mark.parametrize(
    ("name", "flag"),
    [("vim.basic", "-n"), ("nvim", "-n"), ("nano", "--ignorercfiles"), ("emacs-nox", "-Q")],
)
def test_editors_are_told_to_leave_no_copies_also_by_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, flag: str
) -> None:
    make(tmp_path / name, "")
    (tmp_path / "vi").symlink_to(tmp_path / name)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    program, *flags = secret_editor.editor({"EDITOR": "vi"})
    assert (program, flags[0]) == (str(tmp_path / "vi"), flag)


def test_an_editor_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=re.escape("nope is not there; say which one to use")):
        secret_editor.editor({"EDITOR": "nope"})
    with pytest.raises(UsageError, match="has a quote without its end"):
        secret_editor.editor({"EDITOR": "'vi"})
