"""What a cell printed, fit to read in a transcript: no colours, no progress bars, not too long."""

import re
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

LONGEST = 2000  # characters of one line
CHUNK = 64 * 1024

# CSI, OSC and the short ones, as ECMA-48 has them.
_CODES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~])", re.DOTALL
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def excerpt(path: Path, limit: int = 200, shown: Callable[[str], str] | None = None) -> str:
    """Return at most so many lines of a log, its middle left out when it has more.

    Memory does not grow with the log. Bytes that are no UTF-8 come as �. `shown` makes a line
    fit to read, by default without colours.
    """
    head: list[bytes] = []
    tail: deque[bytes] = deque(maxlen=max(1, limit - limit // 2))
    count = 0
    for line in _lines(path):
        count += 1
        if len(head) < limit // 2:
            head.append(line)
        else:
            tail.append(line)
    left_out = count - len(head) - len(tail)
    if left_out:
        plural = "line" if left_out == 1 else "lines"
        where = f"{path.parent.name}/{path.name}"
        head.append(f"… {left_out:,} {plural} left out, full text in {where}".encode())
    lines = (line.decode(errors="replace") for line in [*head, *tail])
    return "\n".join(map(shown or clean, lines))


def clean(line: str) -> str:
    """Return a line as it would stand on a screen in the end: progress collapsed, no colours."""
    line = _CODES.sub("", line).rstrip("\r")
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]  # what is shorter leaves the end of what it covers
    while "\b" in shown:
        shorter = re.sub("[^\b]\b", "", shown).lstrip("\b")
        shown = shorter if shorter != shown else shown.replace("\b", "")
    shown = _CONTROLS.sub("", shown)
    return shown if len(shown) <= LONGEST else shown[:LONGEST] + "…"


def _lines(path: Path) -> Iterator[bytes]:
    """Return the lines of a log one by one; one without an end is cut where it gets too long."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        while raw := file.readline(CHUNK):
            if not raw.endswith(b"\n"):
                # Of a progress bar it matters how it ended.
                while (more := file.readline(CHUNK)) and not more.endswith(b"\n"):
                    raw = raw[: CHUNK // 2] + more[-CHUNK // 2 :]
                raw += more
            yield raw.removesuffix(b"\n")
