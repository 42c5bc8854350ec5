"""What a fork server runs, in a terminal to look at."""

import contextlib
import fcntl
import os
import signal
import struct
import termios
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from pexpect.fdpexpect import fdspawn

from tests.fakes.fork_server import ForkServer
from tests.fakes.terminal import PATIENCE, Terminal, environment


class ServedTerminal(Terminal):
    """A request under a person's hands; leaving the block ends it for certain."""

    def __init__(
        self,
        server: ForkServer,
        request: Mapping[str, Any],
        *,
        columns: int = 80,
        lines: int = 50,
        env: Mapping[str, str | None] | None = None,
    ) -> None:
        self._look(columns, lines)
        self._server = server
        self._ours, theirs = os.openpty()
        self._size(columns, lines)
        at = {"terminal": os.ttyname(theirs), "environ": environment(env)}
        server.begin({**request, **at})
        self._pid = server.answer()
        self._has_ended = False
        os.close(theirs)
        self.child = fdspawn(self._ours, timeout=PATIENCE)
        self.child.delaybeforesend = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._has_ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._exit_code()

    def resize(self, columns: int, lines: int = 50) -> None:
        self._size(columns, lines)
        self.screen.resize(lines, columns)

    def _size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _exit_code(self) -> int:
        self.child.close()  # a terminal that is gone ends also what the request has started
        code = self._server.answer()
        self._has_ended = True
        return code
