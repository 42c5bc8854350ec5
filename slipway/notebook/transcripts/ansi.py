"""What a terminal would do with text, taken out: colours become HTML classes, the rest visible."""

import html
import re
import unicodedata
from collections.abc import Iterator

SEQUENCE = re.compile(
    r"\x1b\[(?P<colour>[0-9;:]*)m"  # colours and weight
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # cursor, erase
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # titles and other strings, closed on their line
    r"|\x1b(?![\[\]PX^_])[ -/]*[0-~]"
)
LONGEST = 2000  # characters of one line
# What changes the order or the look of other characters, or shows as nothing at all.
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
JOINERS = frozenset("\u200c\u200d")  # inside words and emoji they are spelling


def visible(text: str) -> str:
    """Write every control character as a sign for itself, so that it can do nothing."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_sign, text))


def plain(text: str) -> str:
    """Take colours and cursor movements out, and make visible what is left of the kind."""
    return visible(SEQUENCE.sub("", text))


def coloured(line: str) -> str:
    """Return a line as it would stand on a screen in the end, with its colours.

    Of a progress bar the last state counts. A very long line is cut.
    """
    visible_line = SEQUENCE.sub(lambda code: code[0] if code["colour"] is not None else "", line)
    states = visible_line.rstrip("\r").split("\r")
    last = next((each for each in reversed(states) if each.strip()), "")
    return last if len(last) <= LONGEST else last[:LONGEST] + "…"


def to_html(text: str) -> str:
    """Escape text for HTML; its colours become spans with classes."""
    return "".join(
        f'<span class="{" ".join(classes)}">{html.escape(part)}</span>'
        if classes
        else html.escape(part)
        for classes, part in _runs(text)
    )


def _runs(text: str) -> Iterator[tuple[list[str], str]]:
    style: dict[str, str] = {}
    last = 0
    for match in SEQUENCE.finditer(text):
        if match.start() > last:
            yield _classes(style), visible(text[last : match.start()])
        if match["colour"] is not None:
            _apply(style, match["colour"])
        last = match.end()
    if last < len(text):
        yield _classes(style), visible(text[last:])


def _classes(style: dict[str, str]) -> list[str]:
    # On a background of its own a colour could become unreadable, so the background alone stays.
    hidden = {"front"} if "back" in style else set[str]()
    return [style[key] for key in sorted(style) if key not in hidden]


def _apply(style: dict[str, str], codes: str) -> None:
    """Follow one SGR sequence; of the 256 colours only the first 16 are kept."""
    numbers = [int(each) if each.isdecimal() else 0 for each in re.split("[;:]", codes)]
    while numbers:
        code = numbers.pop(0)
        if code in (38, 48):
            kind = numbers.pop(0) if numbers else 0
            values = [numbers.pop(0) for _ in range({5: 1, 2: 3}.get(kind, 0)) if numbers]
            key = "front" if code == 38 else "back"
            style.pop(key, None)
            if kind == 5 and values and values[0] < 16 and code == 38:
                style[key] = f"c{values[0]}"
        elif code == 0:
            style.clear()
        elif code in (1, 2, 3, 4):
            style[f"weight{code}"] = {1: "bold", 2: "dim", 3: "italic", 4: "under"}[code]
        elif code == 22:
            style.pop("weight1", None)
            style.pop("weight2", None)
        elif code in (23, 24):
            style.pop(f"weight{code - 20}", None)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style["front"] = f"c{code - 30 if code < 90 else code - 82}"
        elif 40 <= code <= 47 or 100 <= code <= 107 or code == 7:
            style["back"] = "back"
        elif code in (27, 49):
            style.pop("back", None)
        elif code == 39:
            style.pop("front", None)


def _sign(char: str) -> str:
    if char in "\n\t" or char in JOINERS or unicodedata.category(char) not in HIDDEN:
        return char
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"\\u{code:04x}"
