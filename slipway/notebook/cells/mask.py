"""Secrets never come out: *** stands in their place, whether they come whole or in pieces.

Besides the value itself its lines are known, and what base64, URLs, JSON, SQL and a shell make of
it (`spellings`); base64 also where it is broken into lines, and all of it with colours inside.
"""

import base64
import re
from collections.abc import Iterable, Iterator

from slipway.notebook.cells.spellings import spellings

SHORTEST = 4  # to mask a shorter value would riddle ordinary text with holes
SHORTEST_CODED = 6  # of a piece of base64, which looks like any other
STARS = b"***"
LINE = 60  # of base64, at least: openssl breaks its lines at 64, base64 at 76
# Colours and other commands to a terminal, also one that is not whole yet.
ESCAPE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|\Z)|\][^\x07\x1b]*(?:\x07|\x1b\\|\x1b?\Z)|[@-Z\\^_]|\Z)"
)
# Nothing of this is in short lines, so that none of those waits for what may follow.
BREAK = re.compile(rb"[\r\n](?<=[\w+/-]{%d}[\r\n])[\r\n \t]*" % LINE)


class Mask:
    """What has to stay secret; streams that are open learn of values that are added later."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: tuple[bytes, ...] = ()  # the longest first
        self._coded: tuple[bytes, ...] = ()  # those that may be broken into lines
        self._telling: tuple[bytes, ...] = ()  # one of them is in whatever holds any
        self._pattern: re.Pattern[bytes] | None = None
        self._learn(secrets)

    def add(self, value: str) -> None:
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
        spans = list(self._broken(lines, plain))
        if self._pattern is not None and self._tells(data):
            spans += [match.span(1) for match in self._pattern.finditer(data)]
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

    def _learn(self, values: Iterable[str]) -> None:
        plain = {*self._forms}
        coded = {*self._coded}
        for value in values:
            plain |= forms(value)
            coded |= set(_in_base64(_stripped(value)))
        self._coded = tuple(coded)
        self._forms = tuple(sorted(plain | coded, key=lambda form: (-len(form), form)))
        telling: list[bytes] = []
        for form in reversed(self._forms):
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
        if plain.breaks and self._pattern is not None and self._tells(plain.text):
            for match in self._pattern.finditer(plain.text):
                yield plain.span(*match.span(1))

    def _safe(self, data: bytes, lines: "JoinedText", plain: "JoinedText") -> int:
        """Return the length of the head after which no secret is under way."""
        safe = _begun(data, self._forms)
        for joined, forms in ((lines, self._coded), (plain, self._forms)):
            if joined.breaks and (begun := _begun(joined.text, forms)) < len(joined.text):
                safe = min(safe, max(0, joined.place(begun)))
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


def forms(value: str) -> set[bytes]:
    """Return everything that would give a value away, but for its base64."""
    parts = {value, value.strip(), *(line.strip() for line in value.splitlines())}
    texts = {text for part in parts if len(part) >= SHORTEST for text in spellings(part)}
    encoded = {text.encode(errors="surrogateescape") for text in texts}
    return encoded | set(_lines_in_base64(_stripped(value)))


def _stripped(value: str) -> bytes:
    return value.strip().encode(errors="surrogateescape")


def _in_base64(data: bytes) -> Iterator[bytes]:
    """Return what is sure to be in the base64 of any text that holds this one."""
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + data)
        sure = coded[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]
        if len(sure) >= SHORTEST_CODED:
            yield sure
            yield sure.translate(bytes.maketrans(b"+/", b"-_"))


def _lines_in_base64(data: bytes) -> Iterator[bytes]:
    """Return the lines of a value's own base64, for where one of them is shown alone."""
    sure = base64.b64encode(data)[: len(data) * 8 // 6]
    for width in (64, 76):
        for start in range(0, len(sure) if len(sure) > width else 0, width):
            if len(line := sure[start : start + width]) >= SHORTEST_CODED:
                yield line


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
