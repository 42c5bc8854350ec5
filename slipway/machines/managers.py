"""The managers of a Swarm as one host: the next one answers when the one in use does not."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import TypeVar

from slipway.errors import SlipwayError, Unreachable
from slipway.hosts.host import MINUTES, CommandResult, Dialogue, Host, Process
from slipway.progress import Reporter

T = TypeVar("T")


class Managers:
    """Repeats a command on the next manager when one is lost with it.

    The first may have done it already, so what is run here has to converge when it is repeated.
    """

    def __init__(self, hosts: Sequence[Host], reporter: Reporter) -> None:
        self._hosts = tuple(hosts)
        self._reporter = reporter
        self._current = self._hosts[0]
        self._switching = threading.Lock()
        self._idle: dict[tuple[str, ...], list[_Dialogue]] = {}

    @property
    def name(self) -> str:
        return self._current.name

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float = 2 * MINUTES,
        check: bool = True,
    ) -> CommandResult:
        def run(host: Host) -> CommandResult:
            return host.run(argv, stdin=stdin, timeout=timeout, check=check)

        # What was read from a stream is gone.
        return self._try(run) if isinstance(stdin, bytes) else run(self._current)

    def follow(self, argv: Sequence[str], on_line: Callable[[str], None]) -> int:
        return self._current.follow(argv, on_line)

    def attach(self, argv: Sequence[str]) -> int:
        return self._current.attach(argv)

    def open(self, argv: Sequence[str]) -> AbstractContextManager[Process]:
        return self._current.open(argv)

    @contextlib.contextmanager
    def dial(self, argv: Sequence[str], *, timeout: float) -> Iterator[Dialogue]:
        """Start a command for short questions, or take the one that the last block was done with.

        Who leaves a block has heard the answer to each of its questions. It goes with the hosts.
        """
        idle = self._idle.setdefault(tuple(argv), [])
        try:
            dialogue = idle.pop()  # of two threads that find one, one takes it
        except IndexError:
            dialogue = self._dialled(argv, timeout)
        try:
            yield dialogue
        except BaseException:
            dialogue.end()
            raise
        if dialogue.is_sound:
            idle.append(dialogue)
        else:
            dialogue.end()

    def _dialled(self, argv: Sequence[str], timeout: float) -> "_Dialogue":
        with contextlib.ExitStack() as block:

            def dial(host: Host) -> Dialogue:
                return block.enter_context(host.dial(argv, timeout=timeout))

            dialogue = self._try(dial)
            return _Dialogue(dialogue, self._leave, block.pop_all().close)

    def _leave(self, error: Unreachable) -> None:
        """Use another manager from now on, if the one in use was lost while it was spoken with."""
        lost = [host for host in self._hosts if host.name == error.host]
        self._switch(lost, error)

    def write(self, path: PurePosixPath, data: bytes, *, mode: int = 0o644) -> None:
        self._current.write(path, data, mode=mode)

    def close(self) -> None:
        """End what stayed open for questions, while its connection is there, then that."""
        for idle in self._idle.values():
            for dialogue in idle:
                with contextlib.suppress(SlipwayError, OSError, EOFError):
                    dialogue.end()
        self._idle.clear()
        for host in self._hosts:
            host.close()

    def _try(self, work: Callable[[Host], T]) -> T:
        tried: list[Host] = []
        while True:
            host = self._current
            try:
                return work(host)
            except Unreachable as error:
                tried.append(host)
                if not self._switch(tried, error):
                    raise

    def _switch(self, tried: Sequence[Host], error: Unreachable) -> bool:
        """Use a manager that was not tried; say whether there is one."""
        with self._switching:
            if self._current in tried:  # another thread may have switched meanwhile
                rest = [host for host in self._hosts if host not in tried]
                if not rest:
                    return False
                self._current = rest[0]
                self._idle.clear()  # nobody waits for one of a manager that was left
                self._reporter.note(f"{error}; continuing with {self._current.name}")
            return True


class _Dialogue:
    """A dialogue with one manager, that is left when it is lost."""

    def __init__(
        self,
        dialogue: Dialogue,
        leave: Callable[[Unreachable], None],
        end: Callable[[], None],
    ) -> None:
        self._dialogue, self._leave = dialogue, leave
        self.end = end
        self.is_sound = True

    def write(self, data: bytes) -> None:
        with self._heeding():
            self._dialogue.write(data)

    def read(self, size: int) -> bytes:
        with self._heeding():
            data = self._dialogue.read(size)
        self.is_sound = bool(data)
        return data

    @contextlib.contextmanager
    def _heeding(self) -> Iterator[None]:
        """Notice in a block that it broke, and whether the manager was lost with it."""
        try:
            yield
        except BaseException as error:
            self.is_sound = False
            if isinstance(error, Unreachable):
                self._leave(error)
            raise
