"""The anchors that GitHub gives to headings: the ids of cells, and what a link may point to."""

import unicodedata

# What Unicode calls a word: letters, marks, decimal digits, letter numbers, connectors.
KEPT = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "Pc"}
# Circled and squared letters are symbols by category and alphabetic by property.
ALPHABETIC = [(0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)]


class Slugger:
    """Names the headings of one page in their order; the same name again gets -1, -2, ..."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def slug(self, text: str) -> str:
        """Return the anchor of the next heading."""
        stem = anchor = slug(text)
        while anchor in self._seen:
            self._seen[stem] += 1
            anchor = f"{stem}-{self._seen[stem]}"
        self._seen[anchor] = 0
        return anchor


def slug(text: str) -> str:
    """Return the anchor of a heading that is the only one of its text."""
    return "".join(char for char in text.lower() if _stays(char)).replace(" ", "-")


def _stays(char: str) -> bool:
    if char in " -" or unicodedata.category(char) in KEPT:
        return True
    return any(first <= ord(char) <= last for first, last in ALPHABETIC)
