"""Cells in a real terminal: keys, size, Ctrl-C, passwords; and what becomes of the terminal."""

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect

from slipway.notebook.cells import process_tree

ROOT = Path(__file__).resolve().parents[4]
SECRET = "hunter2-and-more"
# Runs one cell as `inv runbook.run` does, says how it ended and whether the terminal is as before.
PROGRAM = f"""
import os, sys, termios
from pathlib import Path
from slipway.notebook.document import Attributes, Cell
from slipway.notebook.cells.mask import Mask
from slipway.notebook.cells.session import CellSession
class Screen:
    def write(self, data): os.write(1, data)
folder = Path(sys.argv[1])
for name in ("cells", "state"): (folder / name).mkdir(exist_ok=True)
session = CellSession(folder, {{"ENV": "prod"}}, Mask(["{SECRET}"]), root=folder, terminal=True)
before = termios.tcgetattr(0)
try:
    attributes = Attributes(**eval(sys.argv[3]))
    cell = Cell(1, "steps", "it", "It", sys.argv[4], sys.argv[2], attributes)
    if sys.argv[2] == "SHELL": print("ended with", session.shell())
    elif sys.argv[2] == "GONE":
        source = "left=behind; mkdir lost; cd lost"
        session.run(Cell(1, "steps", "it", "It", "sh", source, attributes), 1, Screen())
        (folder / "lost").rmdir()
        print("ended with", session.shell(print))
    else:
        result = session.run(cell, 1, Screen())
        print("\\n[", result.outcome, result.code, result.captured, *result.left, "]")
finally:
    same = termios.tcgetattr(0) == before and os.tcgetpgrp(0) == os.getpgrp()
    print("as before" if same else "CHANGED")
"""


@contextmanager
def typing(
    folder: Path, source: str, language: str = "sh", **attributes: object
) -> "Iterator[pexpect.spawn[str]]":
    """A person at a cell; in the end the terminal has to be as it was."""
    argv = ["-c", PROGRAM, str(folder), source, repr(attributes), language]
    child = pexpect.spawn(
        sys.executable, argv, cwd=str(ROOT), encoding="utf-8", dimensions=(30, 77), timeout=60
    )
    try:
        yield child
        child.expect("as before")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)


def test_a_cell_has_a_terminal_of_its_own_as_large_as_the_persons(tmp_path: Path) -> None:
    source = "stty size; [ -t 0 ] && [ -t 1 ] && [ -t 2 ]; trap 'stty size' WINCH; echo ready\n"
    source += "until [ -e done ]; do sleep 0.05; done"
    with typing(tmp_path, source) as child:
        child.expect("30 77")
        child.expect("ready")
        child.setwinsize(11, 60)
        child.expect("11 60")
        (tmp_path / "done").touch()
        child.expect(r"\[ passed 0")


def test_a_password_is_asked_for_at_once_and_not_echoed(tmp_path: Path) -> None:
    with typing(tmp_path, "read -r -s -p 'Password: ' X; echo; echo \"${#X} keys\"") as child:
        child.expect("Password: ")
        child.sendline("pass-word")
        child.expect("9 keys")
        assert "pass-word" not in str(child.before)
        child.expect(r"\[ passed 0")


def test_ctrl_c_ends_the_cell_and_the_runner_lives(tmp_path: Path) -> None:
    with typing(tmp_path, "sleep 60 & echo ready; sleep 60; echo on") as child:
        child.expect("ready")
        child.sendintr()
        child.expect(r"\^C")
        child.expect(r"\[ interrupted None None \]")  # and nothing is left behind


def test_ctrl_c_ends_a_cell_whose_command_takes_it_well(tmp_path: Path) -> None:
    source = f'{sys.executable} -c \'\nimport time\ntry:\n  print("ready", flush=True)\n'
    source += "  while True: time.sleep(0.1)\n"
    source += 'except KeyboardInterrupt: print("tidy")\'; echo went-on'
    with typing(tmp_path, source) as child:
        child.expect("ready")
        child.sendintr()
        child.expect("tidy")
        child.expect(r"\[ interrupted")
        assert "went-on" not in str(child.before)


def test_an_interactive_program_gets_every_key(tmp_path: Path) -> None:
    source = "import sys\nwhile True:\n  try:\n    print('got', repr(input('> ')))\n"
    source += "  except KeyboardInterrupt: print('cancelled')\n  except EOFError: break"
    with typing(tmp_path, source, "python", interactive=True) as child:
        child.expect("> ")
        child.send("h")  # a secret begins like this; who types sees it all the same
        child.expect("h")
        child.sendline("i")
        child.expect("got 'hi'")
        child.send("half")
        child.expect("half")
        child.sendintr()
        child.expect("cancelled")
        child.expect("> ")
        child.sendline(SECRET)
        child.expect(r"got '\*\*\*'")
        child.expect("> ")
        child.sendeof()
        child.expect(r"\[ passed 0")
    assert SECRET not in (tmp_path / "cells" / "01.log").read_text()


def test_what_is_left_in_the_background_outlives_the_cells_terminal(tmp_path: Path) -> None:
    with typing(tmp_path, "sleep 60 & echo $! > pid") as child:
        child.expect(r"\[ passed 0 None (\d+) sleep \]")
        assert isinstance(child.match, re.Match)
        pid = int(child.match[1])
    assert int((tmp_path / "pid").read_text()) == pid
    os.kill(pid, signal.SIGKILL)  # it lives


def test_what_is_captured_is_shown_too_line_below_line(tmp_path: Path) -> None:
    with typing(tmp_path, "echo one; echo two", capture="X") as child:
        child.expect("one\r\ntwo\r\n")
        child.expect(r"\[ passed 0 one\r\ntwo \]")


def test_the_terminal_is_given_back_when_the_runner_is_told_to_end(tmp_path: Path) -> None:
    with typing(tmp_path, "sleep 60 & echo $! > pid; echo ready; sleep 60") as child:
        child.expect("ready")
        child.kill(signal.SIGTERM)
    assert child.exitstatus == 128 + signal.SIGTERM
    pid = int((tmp_path / "pid").read_text())
    with contextlib.suppress(ProcessLookupError):  # gone, or waiting to be buried
        assert pid not in [member.pid for member in process_tree.members(os.getsid(pid))]


def test_a_shell_in_between_has_the_state_and_gives_the_terminal_back(tmp_path: Path) -> None:
    with typing(tmp_path, "SHELL") as child:
        child.expect(r"\[runbook\]")
        child.sendline("echo $ENV-$((6 * 7))")
        child.expect("prod-42")
        child.sendline("exit 3")
        child.expect("ended with 3")


def test_a_shell_begins_in_the_project_where_the_folder_is_gone(tmp_path: Path) -> None:
    with typing(tmp_path, "GONE") as child:
        child.expect("lost is gone, so the shell starts in ")
        child.expect(r"\[runbook\]")
        child.sendline('echo "in $PWD with $left"; exit 5')
        child.expect(f"in {re.escape(str(tmp_path))} with behind")
        child.expect("ended with 5")
