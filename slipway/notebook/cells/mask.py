"""Secrets never come out: *** stands in their place, whether they come whole or in pieces.

Besides the value itself its lines are known, and what base64, URLs, JSON and a shell make of it.
"""

import base64
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator

SHORTEST = 4  # to mask a shorter value would riddle ordinary text with holes
SHORTEST_CODED = 6  # of a piece of base64, which looks like any other
STARS = b"***"


class Mask:
    """What has to stay secret; streams that are open learn of values that are added later."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: tuple[bytes, ...] = ()  # the longest first
        self._telling: tuple[bytes, ...] = ()  # one of them is in whatever holds any
        self._pattern: re.Pattern[bytes] | None = None
        self._learn(form for value in secrets for form in forms(value))

    def add(self, value: str) -> None:
        """Keep one more value secret from now on."""
        self._learn(forms(value))

    def text(self, text: str) -> str:
        """Return a text with *** in place of every secret."""
        data = text.encode(errors="surrogatepass")
        masked, _ = self.cut(data, last=True)
        return text if masked == data else masked.decode(errors="surrogatepass")

    def hides(self, text: str) -> bool:
        """Whether a text holds a secret."""
        data = text.encode(errors="surrogateescape")
        return any(form in data for form in self._telling)

    def stream(self) -> "MaskedStream":
        """Return a mask for output that arrives in pieces."""
        return MaskedStream(self)

    def cut(self, data: bytes, *, last: bool = False) -> tuple[bytes, bytes]:
        """Return what may be shown, masked, and the tail that could be the begin of a secret."""
        end = len(data) if last else self._safe(data)
        spans: list[tuple[int, int]] = []
        if self._pattern is not None and any(form in data for form in self._telling):
            spans = list(_merged(found.span(1) for found in self._pattern.finditer(data)))
        shown, position = bytearray(), 0
        for start, stop in spans:
            if start >= end:
                break
            if stop > end:
                end = start  # it reaches into the tail: it waits with it
                break
            shown += data[position:start] + STARS
            position = stop
        return bytes(shown + data[position:end]), data[end:]

    def _learn(self, found: Iterable[bytes]) -> None:
        self._forms = tuple(sorted({*self._forms, *found}, key=lambda form: (-len(form), form)))
        telling: list[bytes] = []
        for form in reversed(self._forms):
            if not any(each in form for each in telling):
                telling.append(form)
        self._telling = tuple(telling)
        if self._forms:
            # Looked ahead, so that secrets that overlap are all found.
            any_of = b"|".join(re.escape(form) for form in self._forms)
            self._pattern = re.compile(b"(?=(" + any_of + b"))")

    def _safe(self, data: bytes) -> int:
        """Return the length of the head after which no secret is under way."""
        safe = len(data)
        for form in self._forms:
            start = max(0, len(data) - len(form) + 1)
            while 0 <= (start := data.find(form[:1], start)) < safe:
                if form.startswith(data[start:]):
                    safe = start
                start += 1
        return safe


class MaskedStream:
    """Output on its way; only a tail that could be the begin of a secret is held back."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Take a piece, return what may be shown now."""
        shown, self._held = self._mask.cut(self._held + data)
        return shown

    def flush(self) -> bytes:
        """Return the rest, when nothing follows that could make a secret of it."""
        shown, self._held = self._mask.cut(self._held, last=True)
        return shown


def forms(value: str) -> set[bytes]:
    """Return everything that would give a value away."""
    found: set[bytes] = set()
    for part in {value, value.strip(), *(line.strip() for line in value.splitlines())}:
        if len(part) < SHORTEST:
            continue
        quoted = urllib.parse.quote(part, safe="")
        written = json.dumps(part)[1:-1]
        texts = {part, quoted, urllib.parse.quote(part), urllib.parse.quote_plus(part)}
        texts |= {re.sub("%..", lambda code: code[0].lower(), quoted), written}
        texts |= {json.dumps(part, ensure_ascii=False)[1:-1], written.replace("/", "\\/")}
        texts |= {part.replace("'", quote) for quote in ("'\\''", "'\"'\"'")}
        texts |= {re.sub(which, r"\\\g<0>", part) for which in (r'[$`"\\]', r"[^\w@%+=:,./-]")}
        found |= {text.encode(errors="surrogateescape") for text in texts}
    return found | set(_in_base64(value.strip().encode(errors="surrogateescape")))


def _in_base64(data: bytes) -> Iterator[bytes]:
    """Return what is sure to be in the base64 of any text that holds this one."""
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + data)
        sure = coded[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]
        if len(sure) >= SHORTEST_CODED:
            yield sure
            yield sure.translate(bytes.maketrans(b"+/", b"-_"))
        for width in (64, 76):  # as openssl and base64 break lines
            if offset == 0 and len(sure) > width:
                yield from (
                    line
                    for start in range(0, len(sure), width)
                    if len(line := sure[start : start + width]) >= SHORTEST_CODED
                )


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start = stop = -1
    for first, last in spans:
        if first >= stop:
            if stop > start:
                yield start, stop
            start = first
        stop = max(stop, last)
    if stop > start:
        yield start, stop
