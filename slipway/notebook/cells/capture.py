"""What `capture=` takes: the stdout of a cell, also shown, up to a size."""

from collections.abc import Callable

LARGEST = 1_000_000  # bytes


class Capture:
    """Keeps stdout for a variable and passes it on."""

    def __init__(self, variable: str, show: Callable[[bytes], None], *, is_raw: bool) -> None:
        self.variable = variable
        self._show = show
        self._is_raw = is_raw  # the screen is a terminal on which only \r leads to the left
        self._data = bytearray()
        self._size = 0

    def take(self, data: bytes) -> None:
        """Keep a piece, as long as there is not too much."""
        self._size += len(data)
        if self._size <= LARGEST:
            self._data += data
        self._show(data.replace(b"\n", b"\r\n") if self._is_raw else data)

    @property
    def value(self) -> str:
        """Return what was taken, without its last newline."""
        return bytes(self._data).decode(errors="surrogateescape").removesuffix("\n")

    @property
    def complaint(self) -> str:
        """Say why it cannot be had; nothing when it can."""
        if self._size > LARGEST:
            size = f"{self._size:,} bytes"
            return f"capture={self.variable} takes at most 1 MB, and the cell printed {size}"
        if b"\0" in self._data:
            return f"capture={self.variable} got a NUL byte, which no variable can hold"
        return ""
