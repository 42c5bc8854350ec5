"""Byte strings that are looked for in a text: where they stand, and where one has only begun."""

import re
from collections.abc import Iterable, Iterator


class Needles:
    """Forms of secrets; one is under way where at least so many of its bytes end the text."""

    def __init__(self, forms: Iterable[bytes] = (), least: int = 1) -> None:
        self.forms = tuple(sorted({*forms}, key=lambda form: (-len(form), form)))
        self._least = least
        self._longest = max(map(len, self.forms), default=0)
        self._telling = tuple(_telling(self.forms))
        self._begins: dict[bytes, list[bytes]] = {}
        for form in self.forms:
            self._begins.setdefault(form[:least], []).append(form)
        first = re.escape(bytes(sorted({form[0] for form in self.forms})))
        self._first = re.compile(b"[" + first + b"]") if first else None

    def tells(self, text: bytes) -> bool:
        """Whether any of them stands in a text."""
        return any(form in text for form in self._telling)

    def found(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Return where they stand, also where they overlap."""
        for form in self.forms if self.tells(text) else ():
            at = -1
            while (at := text.find(form, at + 1)) >= 0:
                yield at, at + len(form)

    def under_way(self, text: bytes, settled: bytes) -> int:
        """Return where one has begun, by the text with or without what is cut off at its end."""
        begun = {self.begun(each) for each in {text, settled}} - {None}
        return min((each for each in begun if each is not None), default=len(text))

    def begun(self, text: bytes) -> int | None:
        """Return where the first begins that the end of the text cuts off."""
        start = max(0, len(text) - self._longest + 1)
        for match in self._first.finditer(text, start) if self._first else ():
            at = match.start()
            rest = text[at:]
            for form in self._begins.get(rest[: self._least], ()):
                if len(rest) < len(form) and form.startswith(rest):
                    return at
        return None


def _telling(forms: Iterable[bytes]) -> list[bytes]:
    """Return those that are in whatever holds any of them."""
    telling: list[bytes] = []
    for form in sorted(forms, key=len):
        if not any(each in form for each in telling):
            telling.append(form)
    return telling
