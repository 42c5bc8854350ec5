"""A host that is lost while it does what it was asked."""

from collections.abc import Iterable, Sequence

from slipway.errors import Unreachable
from slipway.hosts.host import MINUTES, CommandResult
from slipway.hosts.local import LocalHost


class LostHost(LocalHost):
    """Does what it is asked, and nobody learns that it did."""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float = 2 * MINUTES,
        check: bool = True,
    ) -> CommandResult:
        super().run(argv, stdin=stdin, timeout=timeout, check=False)
        raise Unreachable(self.name, "it may or may not have finished")
