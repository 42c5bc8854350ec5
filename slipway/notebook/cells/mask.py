"""Secrets never come out: *** stands in their place, whether they come whole or in pieces.

Besides the value itself its lines are known, and what base64, URLs, JSON, SQL and a shell make of
it (`spellings`). What is written still otherwise is read as its readers would (`readings`): codes
in codes, folded lines, colours, hex, dumps. Keys, passwords in addresses and webhooks are masked
also when nobody knows their values (`telltales`).
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from slipway.notebook.cells import readings
from slipway.notebook.cells.dumps import dumps, goes_on
from slipway.notebook.cells.needles import Needles
from slipway.notebook.cells.readings import Reading
from slipway.notebook.cells.spellings import forms, in_base64, stripped
from slipway.notebook.cells.telltales import look

STARS = b"***"
# Fewer bytes than these look like any other text, when they are read in a roundabout way.
SHORTEST_BARE = 8
SHORTEST_DUMPED = 4
PENDING = 4  # bytes of such a secret that make what follows wait for the rest
CONTEXT = 256  # bytes that were shown, by which the rest of what began there is known
LONGEST_HELD = 65536  # no key is longer, and a stream must not wait for ever
Span = tuple[int, int]


class Framed(NamedTuple):
    """A value that is masked only between other text, for alone it stands in any: `//u:abcd@`."""

    before: str
    value: str
    after: str


Secret = str | Framed


class Mask:
    """What has to stay secret; streams that are open learn of values that are added later."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._frames: dict[bytes, re.Pattern[bytes]] = {}  # by all that has to be there
        self._framed = Needles()
        self._plain = Needles()  # as they are, and as programs are known to write them
        self._coded = Needles()  # those that may be broken into lines
        self._bare = Needles()  # without codes, quotes and blanks
        self._digits = Needles()  # in hex
        self._dumped = Needles()  # as bytes
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
        return bool(self._look(text.encode(errors="surrogateescape"), b"")[0])

    def stream(self) -> "MaskedStream":
        """Return a mask for output that arrives in pieces."""
        return MaskedStream(self)

    def cut(self, data: bytes, *, before: bytes = b"", last: bool = False) -> tuple[bytes, bytes]:
        """Return what may be shown, masked, and the tail that could be the begin of a secret.

        `before` is what came before, masked or not: the rest of what began there is known by it.
        """
        spans, end = self._look(data, before)
        if last or len(data) - end > LONGEST_HELD:
            end = len(data)
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
        plain, coded = {*self._plain.forms}, {*self._coded.forms}
        bare, dumped = {*self._bare.forms}, {*self._dumped.forms}
        for value in values:
            if isinstance(value, Framed):
                whole, pattern = _frame(value)
                self._frames[whole] = pattern
                plain |= forms("".join(value)) - {whole}  # of which a part is masked
                coded |= set(in_base64(whole))
                continue
            plain |= forms(value)
            coded |= set(in_base64(stripped(value)))
            for part in map(str.strip, (value, *value.splitlines())):
                data = stripped(part)
                bare |= {readings.read(data, rewrites) for rewrites in readings.BARES}
                bare.add(readings.read(stripped(json.dumps(part)[1:-1]), readings.BARE))
                dumped |= {data, data.replace(b" ", b"")}  # `od -c` shows a blank as nothing
        self._framed = Needles(self._frames)
        self._plain, self._coded = Needles(plain | coded), Needles(coded)
        self._bare = Needles((each for each in bare if len(each) >= SHORTEST_BARE), PENDING)
        self._dumped = Needles((each for each in dumped if len(each) >= SHORTEST_DUMPED), PENDING)
        self._digits = Needles((each.hex().encode() for each in self._dumped.forms), 2 * PENDING)

    def _look(self, data: bytes, before: bytes) -> tuple[list[Span], int]:
        """Return where secrets stand in the data, and from where on one may be under way."""
        whole, shift = before + data, len(before)
        spans, begun = list(self._in(data)), self._begun(data)
        plain = Reading(data, readings.PLAIN)
        if plain.changed:
            spans += [plain.span(*span) for span in self._in(plain.text)]
            begun = min(begun, plain.place(self._begun(plain.text)))
        for read, start in self._read(whole):
            spans += [(max(0, a - shift), b - shift) for a, b in read if b > shift]
            begun = min(begun, max(0, start - shift))
        return spans, self._kept(data, begun)

    def _read(self, whole: bytes) -> Iterator[tuple[Iterable[Span], int]]:
        """Read a text in each way; return the secrets there, and where one is under way."""
        for rewrites, needles in (
            (readings.UNBROKEN, self._coded),
            (readings.BARE, self._bare),
            (readings.DIGITS, self._digits),
        ):
            reading = Reading(whole, rewrites)
            # Where nothing was rewritten, it was searched already; but not for hex.
            if reading.changed or needles is self._digits:
                spans = [reading.span(*span) for span in needles.found(reading.text)]
                yield spans, reading.place(needles.under_way(reading.text, reading.settled))
        plain = Reading(whole, readings.PLAIN)
        for spans, start in (look(plain.text), self._in_dumps(plain.text)):
            yield [plain.span(*span) for span in spans], plain.place(start)

    def _in_dumps(self, text: bytes) -> tuple[list[Span], int]:
        """Return the lines of dumps that hold a secret, and from where on one may go on."""
        spans: list[Span] = []
        begun = len(text)
        for dump in dumps(text):
            lines = [dump.span(*span) for span in self._dumped.found(dump.text)]
            spans += lines
            at = self._dumped.under_way(dump.text, dump.settled)
            if at < len(dump.text) and goes_on(text):
                lines.append((dump.span(at, at + 1)[0], len(text)))
            # Until its line has ended, more of it may follow.
            begun = min([begun, *(start for start, stop in lines if stop == len(text))])
        return spans, begun

    def _in(self, text: bytes) -> Iterator[Span]:
        """Return where secrets stand in a text."""
        yield from self._plain.found(text)
        for pattern in self._frames.values() if self._framed.tells(text) else ():
            for match in pattern.finditer(text):
                yield match.span(1)

    def _begun(self, text: bytes) -> int:
        return min(each.under_way(text, text) for each in (self._plain, self._framed))

    def _kept(self, data: bytes, safe: int) -> int:
        """Return the length of the head of which nothing has to wait."""
        # A frame that is complete stays so: what follows must not lose what stands before it.
        for match in _latest_first(data, self._frames.values()) if safe < len(data) else ():
            if match.start() < safe < match.end(2):
                safe = match.start()
        return safe


class MaskedStream:
    """Output on its way; only a tail that could be the begin of a secret is held back."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held = b""
        self._before = b""  # the last of what was shown, as it came

    def feed(self, data: bytes) -> bytes:
        """Take a piece, return what may be shown now."""
        return self._take(self._held + data, last=False)

    def flush(self) -> bytes:
        """Return the rest, when nothing follows that could make a secret of it."""
        return self._take(self._held, last=True)

    def _take(self, data: bytes, *, last: bool) -> bytes:
        shown, self._held = self._mask.cut(data, before=self._before, last=last)
        self._before = (self._before + data[: len(data) - len(self._held)])[-CONTEXT:]
        return shown


def _frame(value: Framed) -> tuple[bytes, re.Pattern[bytes]]:
    """Return all of a frame, and a pattern whose first group is what is masked."""
    before, secret, after = (part.encode(errors="surrogateescape") for part in value)
    inner = b"(" + re.escape(secret) + b")(" + re.escape(after) + b")"
    return before + secret + after, re.compile(b"(?=" + re.escape(before) + inner + b")")


def _latest_first(data: bytes, patterns: Iterable[re.Pattern[bytes]]) -> Iterable[re.Match[bytes]]:
    matches = (match for pattern in patterns for match in pattern.finditer(data))
    return sorted(matches, key=lambda match: -match.start())


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    start = stop = -1
    for first, last in spans:
        if first >= stop:
            if stop > start:
                yield start, stop
            start = first
        stop = max(stop, last)
    if stop > start:
        yield start, stop
