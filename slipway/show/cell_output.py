"""What a cell prints, on its way to the terminal: shown as it comes, and never obeyed by it.

A log line that a stranger wrote may be in it. Letters and colours pass; what would move the cursor,
erase, write to the clipboard or turn text round becomes a sign. A progress bar stays on its line:
that is drawn anew by ourselves, behind a ␍ that tells that something stood there before. Colours
that could hide text are left out: black, white, backgrounds, concealment.
"""

import codecs
import re
from collections.abc import Iterator

from slipway.notebook.transcripts.ansi import visible

TOKEN = re.compile(
    r"\x1b\[(?P<colour>[0-9;:]{0,60})m"
    r"|(?P<nothing>\x1b\[[0-2]?K|\x1b\[\?[0-9;]*[hl])"  # to erase where nothing is; modes
    r"|(?P<end>\r*\n)"
    r"|(?P<back>\r)"
    r"|(?P<text>[^\x1b\r\n]+|\x1b)"
)
UNFINISHED = re.compile(r"\x1b(\[[0-9;:?]{0,60})?\Z|\r+\Z")
# Weights, colours that are neither black nor white, and back to what is usual.
KEPT = {0, 1, 2, 3, 4, 7, 9, 22, 23, 24, 27, 29, 39, 49, *range(31, 37), *range(91, 97)}
USUAL = 39
REDRAWN, APART = "\r\x1b[K␍", "\n␍"  # the second where no terminal can place text
PLAIN = "\x1b[0m"


class CellOutput:
    """Makes pieces of output fit to show; a piece may end anywhere."""

    def __init__(self, *, places: bool) -> None:
        self._over = REDRAWN if places else APART
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._has_text = False  # on this line
        self._is_back = False  # what comes stands where something stood
        self._is_coloured = False

    def feed(self, data: bytes) -> str:
        """Take a piece; return what can be shown of it."""
        text = self._rest + self._decoder.decode(data)
        unfinished = UNFINISHED.search(text)
        self._rest = unfinished[0] if unfinished else ""
        return "".join(self._shown(text[: len(text) - len(self._rest)]))

    def end(self) -> str:
        """Return what is left, and end its colours."""
        text = self._rest + self._decoder.decode(b"", final=True)
        self._rest = ""
        shown = "".join(self._shown(text))
        after = PLAIN if self._is_coloured else ""
        self._is_coloured = False
        return shown + after

    def _shown(self, text: str) -> Iterator[str]:
        for match in TOKEN.finditer(text):
            if match["colour"] is not None:
                yield self._colour(match["colour"])
            elif match["end"]:
                self._has_text = self._is_back = False
                yield "\r\n" if match["end"] != "\n" else "\n"
            elif match["back"]:
                self._is_back = self._has_text
            elif match["text"]:
                yield self._over if self._is_back else ""
                self._has_text, self._is_back = True, False
                yield visible(match["text"])

    def _colour(self, codes: str) -> str:
        numbers = [str(code) for code in _harmless(codes)]
        if numbers:
            self._is_coloured = numbers[-1] != "0"
        return f"\x1b[{';'.join(numbers)}m" if numbers else ""


def _harmless(codes: str) -> Iterator[int]:
    """Return what is kept of the codes of one sequence."""
    words = codes.split(";")
    while words:
        word = words.pop(0)
        code = int(word.partition(":")[0] or 0)  # behind a colon stands more of the same
        if word in ("38", "48") and words:
            del words[: {"5": 1, "2": 3}.get(words.pop(0), 0)]
        if code in KEPT:
            yield code
        elif 30 <= code <= 38 or 90 <= code <= 97:
            yield USUAL
