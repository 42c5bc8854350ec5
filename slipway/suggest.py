"""The name that was probably meant, for the end of an error."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], *, quote: str = "") -> str:
    """Return ` (did you mean X?)` for a likely typing error, or nothing."""
    import difflib

    close = difflib.get_close_matches(word[:100], list(known), n=1, cutoff=0.6)
    return f" (did you mean {quote}{close[0]}{quote}?)" if close else ""
