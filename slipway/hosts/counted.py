"""What goes to machines, counted in one place: commands begun there, questions, bytes sent."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from slipway.hosts.host import MINUTES, CommandResult, Dialogue, Host, Process


@dataclass(frozen=True)
class Count:
    """Commands begun, questions to those that stay open to answer them, and bytes sent.

    The bytes are those of commands and of their input, before SSH wraps them.
    """

    commands: int = 0
    questions: int = 0
    sent: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.commands + other.commands,
            self.questions + other.questions,
            self.sent + other.sent,
        )

    def __sub__(self, other: "Count") -> "Count":
        return self + Count(-other.commands, -other.questions, -other.sent)


class Traffic:
    """What went to each of some hosts so far; several threads may add to it."""

    def __init__(self) -> None:
        self._counts: dict[str, Count] = {}
        self._adding = threading.Lock()

    def add(self, host: str, count: Count) -> None:
        with self._adding:
            self._counts[host] = self._counts.get(host, Count()) + count

    def by_host(self) -> dict[str, Count]:
        """Return what went to each by now."""
        with self._adding:
            return dict(self._counts)


class CountedHost:
    """A host that counts what is asked of it."""

    def __init__(self, host: Host, traffic: Traffic) -> None:
        self._host = host
        self._traffic = traffic

    @property
    def name(self) -> str:
        return self._host.name

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float = 2 * MINUTES,
        check: bool = True,
    ) -> CommandResult:
        self._begin(argv)
        if isinstance(stdin, bytes):
            self._send(stdin)
        else:
            stdin = self._passed(stdin)
        return self._host.run(argv, stdin=stdin, timeout=timeout, check=check)

    def follow(self, argv: Sequence[str], on_line: Callable[[str], None]) -> int:
        self._begin(argv)
        return self._host.follow(argv, on_line)

    def attach(self, argv: Sequence[str]) -> int:
        self._begin(argv)
        return self._host.attach(argv)

    @contextlib.contextmanager
    def open(self, argv: Sequence[str]) -> Iterator[Process]:
        self._begin(argv)
        with self._host.open(argv) as process:
            yield _CountedProcess(process, self._send)

    @contextlib.contextmanager
    def dial(self, argv: Sequence[str], *, timeout: float) -> Iterator[Dialogue]:
        self._begin(argv)
        with self._host.dial(argv, timeout=timeout) as dialogue:
            yield _CountedDialogue(dialogue, self._ask)

    def write(self, path: PurePosixPath, data: bytes, *, mode: int = 0o644) -> None:
        self._begin([str(path)])
        self._send(data)
        self._host.write(path, data, mode=mode)

    def close(self) -> None:
        self._host.close()

    def _begin(self, argv: Sequence[str]) -> None:
        self._traffic.add(self.name, Count(1, 0, sum(len(word.encode()) + 1 for word in argv)))

    def _send(self, data: bytes) -> None:
        self._traffic.add(self.name, Count(sent=len(data)))

    def _ask(self, data: bytes) -> None:
        self._traffic.add(self.name, Count(0, 1, len(data)))

    def _passed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._send(chunk)
            yield chunk


class _CountedProcess:
    """A process whose input is counted."""

    def __init__(self, process: Process, send: Callable[[bytes], None]) -> None:
        self._process, self._send = process, send
        self.read = process.read
        self.end = process.end
        self.wait = process.wait

    def write(self, data: bytes) -> None:
        self._send(data)
        self._process.write(data)


class _CountedDialogue:
    """A dialogue whose questions are counted."""

    def __init__(self, dialogue: Dialogue, ask: Callable[[bytes], None]) -> None:
        self._dialogue, self._ask = dialogue, ask
        self.read = dialogue.read

    def write(self, data: bytes) -> None:
        self._ask(data)
        self._dialogue.write(data)
