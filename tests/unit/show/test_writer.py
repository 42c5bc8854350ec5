"""What others wrote reaches the terminal as text: it cannot erase, copy, hide or turn round."""

import ast
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway import show
from slipway.project import ROOT
from slipway.show import table, writer
from slipway.show.progress import TerminalReporter
from tests.syntax import nodes

CLIPBOARD = "\x1b]52;c;cm0gLXJmIC8=\x07"
ERASED = "GET /\x1b[2K\x1b[1A\rall is well"
TURNED = "exe\u202etxt.cod"
ATTACK = f"{CLIPBOARD}{ERASED}{TURNED}\x9b2J\x08\x00\udc9b"
# These pass on what a person's own program printed, answer a shell, or draw with rich.
DRAWING = {"writer", "reading", "prompts", "progress", "transcripts"}


def noted(text: str) -> None:
    with TerminalReporter() as reporter:
        reporter.started("dump", text)
        reporter.note(text)
        reporter.finished("dump", text)
        reporter.note(text)


@pytest.mark.parametrize(
    "print_it",
    [
        writer.say,
        writer.tell,
        noted,
        lambda text: table.rows(["name"], [{"name": text}]),
        lambda text: table.rows(["name"], [{"name": text}], as_json=True),
    ],
    ids=["say", "tell", "progress", "table", "JSON"],
)
def test_no_control_character_of_another_reaches_the_terminal(
    print_it: Callable[[str], object],
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_it(f"before {ATTACK} after")
    captured = capsys.readouterr()
    text = captured.out + captured.err
    assert all(char == "\n" or char.isprintable() for char in text)
    assert "all is well" in text


def test_colours_are_left_out_and_languages_stay(capsys: pytest.CaptureFixture[str]) -> None:
    writer.say("\x1b[1;32mgrün\x1b[0m 👩\u200d🚀 日本語\ttab")
    assert capsys.readouterr().out == "grün 👩\u200d🚀 日本語\ttab\n"


def test_json_is_ascii_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    table.document({"text": ATTACK, "name": "Zoë"})
    text = capsys.readouterr().out
    assert text.isascii() and json.loads(text) == {"text": ATTACK, "name": "Zoë"}


def test_all_that_is_shown_goes_through_the_writer() -> None:
    files = [*Path(show.__file__).parent.glob("*.py"), *(ROOT / "tasks").glob("*.py")]
    found = [
        f"{path.name}:{node.lineno}"
        for path in files
        if path.stem not in DRAWING
        for node in nodes(path)
        if isinstance(node, ast.Call)
        if ast.unparse(node.func) in ("print", "sys.stdout.write", "sys.stderr.write")
        or "buffer.write" in ast.unparse(node.func)
    ]
    assert found == []


def test_json_is_printed_by_the_table_alone() -> None:
    files = [*Path(show.__file__).parent.glob("*.py"), *(ROOT / "tasks").glob("*.py")]
    dumps = {path.stem for path in files if "json.dumps(" in path.read_text()}
    # The others for a cell of the table, and for events, a line each on stderr.
    assert dumps == {"table", "query_result", "json_events"}
