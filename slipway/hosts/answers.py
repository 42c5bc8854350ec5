"""What engines and programs answer, read: what is no answer ends in a sentence."""

import contextlib
from collections.abc import Iterator

from slipway.errors import UNREADABLE, HostError


@contextlib.contextmanager
def reading(host: str, what: str) -> Iterator[None]:
    """Read an answer of a host in a block. Raises HostError where it is of another shape."""
    try:
        yield
    except UNREADABLE as error:
        why = f"{what} cannot be read ({type(error).__name__})"
        raise HostError(host, f"{why}: its answer is not of the kind that is known here") from None
