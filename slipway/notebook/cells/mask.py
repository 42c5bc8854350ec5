"""Secrets never come out: *** stands in their place, whether they come whole or in pieces.

Besides the value itself its lines are known, and what base64, URLs, JSON, SQL and a shell make of
it (`spellings`); base64 also where it is broken into lines, and all of it with colours inside.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from slipway.notebook.cells.spellings import forms, in_base64, stripped

STARS = b"***"
LINE = 60  # of base64, at least: openssl breaks its lines at 64, base64 at 76
# Colours and other commands to a terminal, also one that is not whole yet.
ESCAPE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|\Z)|\][^\x07\x1b]*(?:\x07|\x1b\\|\x1b?\Z)|[@-Z\\^_]|\Z)"
)
# Nothing of this is in short lines, so that none of those waits for what may follow.
BREAK = re.compile(rb"[\r\n](?<=[\w+/-]{%d}[\r\n])[\r\n \t]*" % LINE)


class Framed(NamedTuple):
    """A value that is masked only between other text, for alone it stands in any: `//u:abcd@`."""

    before: str
    value: str
    after: str


Secret = str | Framed


class Mask:
    """What has to stay secret; streams that are open learn of values that are added later."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._forms: tuple[bytes, ...] = ()  # the longest first
        self._coded: tuple[bytes, ...] = ()  # those that may be broken into lines
        self._telling: tuple[bytes, ...] = ()  # one of them is in whatever holds any
        self._frames: dict[bytes, re.Pattern[bytes]] = {}  # by all that has to be there
        self._pattern: re.Pattern[bytes] | None = None
        self._learn(secrets)

    def add(self, value: Secret) -> None:
        """Keep one more value secret from now on."""
        self._learn([value])

    def text(self, text: str) -> str:
        """Return a text with *** in place of every secret."""
        data = text.encode(errors="surrogatepass")
        masked, _ = self.cut(data, last=True)
        return text if masked == data else masked.decode(errors="surrogatepass")

    def hides(self, text: str) -> bool:
        """Whether a text holds a secret."""
        data = text.encode(errors="surrogateescape")
        return self._tells(data) or any(self._broken(*_joined(data)))

    def stream(self) -> "MaskedStream":
        """Return a mask for output that arrives in pieces."""
        return MaskedStream(self)

    def cut(self, data: bytes, *, before: bytes = b"", last: bool = False) -> tuple[bytes, bytes]:
        """Return what may be shown, masked, and the tail that could be the begin of a secret.

        `before` is what came before, masked or not: a break is known by the line that it ends.
        """
        lines, plain = _joined(data, before)
        end = len(data) if last else self._safe(data, lines, plain)
        spans = [*self._broken(lines, plain), *self._in(data)]
        shown, position = bytearray(), 0
        for start, stop in _merged(sorted(spans)):
            if start >= end:
                break
            if stop > end:
                end = start  # it reaches into the tail: it waits with it
                break
            shown += data[position:start] + STARS
            position = stop
        return bytes(shown + data[position:end]), data[end:]

    def _learn(self, values: Iterable[Secret]) -> None:
        plain = {*self._forms}
        coded = {*self._coded}
        for value in values:
            if isinstance(value, Framed):
                whole, pattern = _frame(value)
                self._frames[whole] = pattern
                plain |= forms("".join(value)) - {whole}
                coded |= set(in_base64(whole))
                continue
            plain |= forms(value)
            coded |= set(in_base64(stripped(value)))
        self._coded = tuple(coded)
        self._forms = tuple(sorted(plain | coded, key=lambda form: (-len(form), form)))
        telling: list[bytes] = []
        for form in (*reversed(self._forms), *self._frames):
            if not any(each in form for each in telling):
                telling.append(form)
        self._telling = tuple(telling)
        if self._forms:
            # Looked ahead, so that secrets that overlap are all found.
            any_of = b"|".join(re.escape(form) for form in self._forms)
            self._pattern = re.compile(b"(?=(" + any_of + b"))")

    def _tells(self, data: bytes) -> bool:
        return any(form in data for form in self._telling)

    def _broken(self, lines: "JoinedText", plain: "JoinedText") -> Iterator[tuple[int, int]]:
        """Return where a secret continues over the end of a line or a change of colour."""
        for form in self._coded if lines.breaks else ():
            at = -1
            while (at := lines.text.find(form, at + 1)) >= 0:
                yield lines.span(at, at + len(form))
        for begin, end in self._in(plain.text) if plain.breaks else ():
            yield plain.span(begin, end)

    def _in(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Return where secrets stand in a text."""
        if not self._tells(data):
            return
        for pattern in (self._pattern, *self._frames.values()):
            for match in pattern.finditer(data) if pattern is not None else ():
                yield match.span(1)

    def _safe(self, data: bytes, lines: "JoinedText", plain: "JoinedText") -> int:
        """Return the length of the head after which no secret is under way."""
        forms = (*self._forms, *self._frames)
        safe = _begun(data, forms)
        for joined, begins in ((lines, self._coded), (plain, forms)):
            if joined.breaks and (begun := _begun(joined.text, begins)) < len(joined.text):
                safe = min(safe, max(0, joined.place(begun)))
        # A frame that is complete stays so: what follows must not lose what stands before it.
        for match in _latest_first(data, self._frames.values()) if safe < len(data) else ():
            if match.start() < safe < match.end(2):
                safe = match.start()
        return safe


class JoinedText:
    """A text without what breaks a secret in two, so that it stands whole in it."""

    def __init__(self, data: bytes, gap: re.Pattern[bytes], before: bytes = b"") -> None:
        whole = before + data
        self.breaks = [match.span() for match in gap.finditer(whole)]
        begins = [0, *(stop for _, stop in self.breaks)]
        ends = [*(start for start, _ in self.breaks), len(whole)]
        self.text = b"".join(whole[a:b] for a, b in zip(begins, ends, strict=True))
        self._before = len(before)

    def place(self, at: int) -> int:
        """Return where in the data a character of the joined text stands."""
        for start, stop in self.breaks:
            if at < start:
                break
            at += stop - start
        return at - self._before

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """Return from where to where in the data a part of the joined text stands."""
        return max(0, self.place(begin)), self.place(end - 1) + 1


def _joined(data: bytes, before: bytes = b"") -> tuple[JoinedText, JoinedText]:
    """Return a text without the ends of its long lines, and without its colours."""
    return JoinedText(data, BREAK, before), JoinedText(data, ESCAPE)


class MaskedStream:
    """Output on its way; only a tail that could be the begin of a secret is held back."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held = b""
        self._before = b""  # the last of what was shown, as it came

    def feed(self, data: bytes) -> bytes:
        """Take a piece, return what may be shown now."""
        data = self._held + data
        shown, self._held = self._mask.cut(data, before=self._before)
        self._before = (self._before + data[: len(data) - len(self._held)])[-LINE:]
        return shown

    def flush(self) -> bytes:
        """Return the rest, when nothing follows that could make a secret of it."""
        shown, self._held = self._mask.cut(self._held, before=self._before, last=True)
        return shown


def _frame(value: Framed) -> tuple[bytes, re.Pattern[bytes]]:
    """Return all of a frame, and a pattern whose first group is what is masked."""
    before, secret, after = (part.encode(errors="surrogateescape") for part in value)
    inner = b"(" + re.escape(secret) + b")(" + re.escape(after) + b")"
    return before + secret + after, re.compile(b"(?=" + re.escape(before) + inner + b")")


def _latest_first(data: bytes, patterns: Iterable[re.Pattern[bytes]]) -> Iterable[re.Match[bytes]]:
    matches = (match for pattern in patterns for match in pattern.finditer(data))
    return sorted(matches, key=lambda match: -match.start())


def _begun(data: bytes, forms: Iterable[bytes]) -> int:
    """Return where the first of these begins that the end of the data cuts off."""
    first = len(data)
    for form in forms:
        start = max(0, len(data) - len(form) + 1)
        while 0 <= (start := data.find(form[:1], start)) < first:
            if form.startswith(data[start:]):
                first = start
            start += 1
    return first


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
