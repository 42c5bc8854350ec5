"""A host whose connection breaks in the middle of what is sent to it."""

from collections.abc import Iterable, Iterator, Sequence

from slipway.hosts.host import MINUTES, CommandResult
from slipway.hosts.local import LocalHost


class TornHost(LocalHost):
    """Loses everything after the first bytes of an input, as a lost connection does: to the
    command it looks like the end."""

    def __init__(self, after: int) -> None:
        super().__init__("m1")
        self._after = after

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float = 2 * MINUTES,
        check: bool = True,
    ) -> CommandResult:
        chunks = [stdin] if isinstance(stdin, bytes) else stdin
        return super().run(argv, stdin=self._torn(chunks), timeout=timeout, check=check)

    def _torn(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        left = self._after
        for chunk in chunks:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return
