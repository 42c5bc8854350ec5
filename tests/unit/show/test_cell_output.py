"""What a cell prints is shown as it comes, and cannot act on the terminal."""

import re

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.show.cell_output import PLAIN, REDRAWN, CellOutput

CLIPBOARD = "\x1b]52;c;cm0gLXJmIC8=\x07"
OURS = re.compile(re.escape(REDRAWN) + r"|\x1b\[[0-9;]*m")
TEXTS = st.text(st.sampled_from("ab\x1b[]mKH2;:?hl\r\n\t\x07\x08\u202e\x9bé"), max_size=40)


def shown(*pieces: str | bytes, places: bool = True) -> str:
    output = CellOutput(places=places)
    parts = [output.feed(p if isinstance(p, bytes) else p.encode()) for p in pieces]
    return "".join(parts) + output.end()


def screen(text: str) -> list[str]:
    """What stands on a terminal in the end."""
    terminal = pyte.Screen(40, 8)
    pyte.Stream(terminal).feed(text.replace("\r\n", "\n").replace("\n", "\r\n"))
    return [line.rstrip() for line in terminal.display if line.strip()]


@pytest.mark.parametrize(
    "attack",
    [CLIPBOARD, "\x1b[2J\x1b[H", "\x1b[1A\x1b[2Kgone", "\x9b2J", "\x1bc", "\b\b", "\x1bP+q\x1b\\"],
)
def test_nothing_that_a_cell_prints_acts_on_the_terminal(attack: str) -> None:
    text = shown(f"a line of ours\n{attack}all is well\u202etxt\n")
    assert not re.search(r"[^\n\t\x20-\U0010ffff]|[\x80-\x9f\u202e]", text)
    assert screen(text)[0] == "a line of ours" and "all is well" in text


def test_a_progress_bar_stays_on_its_line_and_tells_that_it_was_drawn_anew() -> None:
    bar = "begin\nfetch 1 %\rfetch 50 %\r\x1b[2K\x1b[?25lfetch 100 %\r\nend\r\r\n"
    assert screen(shown(bar)) == ["begin", "␍fetch 100 %", "end"]
    assert shown(bar, places=False).splitlines()[1:4] == [
        "fetch 1 %",
        "␍fetch 50 %",
        "␍fetch 100 %",
    ]


def test_colours_pass_as_far_as_they_can_hide_no_text_and_end_with_the_cell() -> None:
    assert shown("\x1b[1;31mred\x1b[m ") == "\x1b[1;31mred\x1b[0m "
    assert shown("\x1b[92mgreen") == f"\x1b[92mgreen{PLAIN}"
    for hides in ("8", "30", "97", "48;5;0", "47", "38;2;0;0;0", "38;5;16", "38:2::0:0:0", "5"):
        assert shown(f"\x1b[{hides}mtext\x1b[0m") in ("text\x1b[0m", "\x1b[39mtext\x1b[0m")
    assert shown(f"\x1b[{'9' * 5000}mtext") == f"␛[{'9' * 5000}mtext"


def test_languages_stay_and_a_question_is_seen_before_its_line_ends() -> None:
    output = CellOutput(places=True)
    assert output.feed("Zoë 日本 👩\u200d🚀? ".encode()) == "Zoë 日本 👩\u200d🚀? "
    assert shown(*(bytes([byte]) for byte in "ë日".encode())) == "ë日"


@given(st.lists(TEXTS, max_size=4), st.booleans())
def test_wherever_a_piece_ends_the_same_is_shown(pieces: list[str], places: bool) -> None:
    whole = shown("".join(pieces), places=places)
    assert shown(*pieces, places=places) == whole
    assert all(char in "\n\t\r" or char.isprintable() for char in OURS.sub("", whole))
