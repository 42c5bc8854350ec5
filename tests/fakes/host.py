"""A host that answers from a script and remembers what it was asked."""

import shlex
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import PurePosixPath

from slipway.errors import CommandFailed
from slipway.hosts.host import MINUTES, CommandResult, Dialogue, Process

Answer = Callable[[Sequence[str], bytes], CommandResult]


@dataclass(frozen=True)
class Asked:
    """A command the host was given."""

    argv: tuple[str, ...]
    stdin: bytes


def batched(argv: Sequence[str], run: Callable[[Sequence[str]], CommandResult]) -> CommandResult:
    """Answer a batch of commands by what each of them answers."""
    lines = []
    for number, line in enumerate(argv[4:]):
        result = run(shlex.split(line))
        lines += [f"{number} out {text}" for text in result.out.splitlines()]
        lines += [f"{number} err {text}" for text in result.err.splitlines()]
        lines.append(f"{number} end {result.code}")
    return CommandResult("fake", tuple(argv), 0, "".join(f"{line}\n" for line in lines), "")


class FakeHost:
    """`FakeHost("m1").answers("docker", "info", out="{}")`: the answer to every command that
    begins with these words; of several the one declared last. An unexpected command fails the
    test by name, unless `otherwise` gives an exit code for it."""

    def __init__(self, name: str = "fake", *, otherwise: int | None = None) -> None:
        self._name = name
        self._otherwise = otherwise
        self._answers: list[tuple[tuple[str, ...], Answer]] = []
        self.asked: list[Asked] = []
        self.files: dict[PurePosixPath, tuple[bytes, int]] = {}
        self.closed = 0

    @property
    def name(self) -> str:
        return self._name

    def answers(
        self,
        *words: str,
        out: str = "",
        err: str = "",
        code: int = 0,
        raises: Exception | None = None,
    ) -> "FakeHost":
        """Script the answer to commands that begin with `words`."""

        def answer(argv: Sequence[str], stdin: bytes) -> CommandResult:
            if raises is not None:
                raise raises
            return CommandResult(self._name, tuple(argv), code, out, err)

        return self.reacts(*words, by=answer)

    def reacts(self, *words: str, by: Answer) -> "FakeHost":
        """Like `answers`, with a function that sees the command and its input."""
        self._answers.append((words, by))
        return self

    def ran(self, *words: str) -> list[tuple[str, ...]]:
        """The commands so far that begin with `words`."""
        return [asked.argv for asked in self.asked if asked.argv[: len(words)] == words]

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float = 2 * MINUTES,
        check: bool = True,
    ) -> CommandResult:
        data = stdin if isinstance(stdin, bytes) else b"".join(stdin)
        self.asked.append(Asked(tuple(argv), data))
        completed = self._answer(argv, data)
        return completed.check() if check else completed

    def follow(self, argv: Sequence[str], on_line: Callable[[str], None]) -> int:
        completed = self.run(argv, check=False)
        for line in (completed.out + completed.err).splitlines():
            on_line(line)
        return completed.code

    def attach(self, argv: Sequence[str]) -> int:
        return self.run(argv, check=False).code

    def open(self, argv: Sequence[str]) -> AbstractContextManager[Process]:
        raise AssertionError(f"{self._name} did not expect to be spoken with: {list(argv)!r}")

    def dial(self, argv: Sequence[str], *, timeout: float) -> AbstractContextManager[Dialogue]:
        raise CommandFailed(self._name, argv, 127, f"not answered within {timeout} s")

    def write(self, path: PurePosixPath, data: bytes, *, mode: int = 0o644) -> None:
        self.files[path] = (data, mode)

    def close(self) -> None:
        self.closed += 1

    def _answer(self, argv: Sequence[str], stdin: bytes) -> CommandResult:
        for words, answer in reversed(self._answers):
            if tuple(argv[: len(words)]) == words:
                return answer(argv, stdin)
        if self._otherwise is not None:
            return CommandResult(self._name, tuple(argv), self._otherwise, "", "")
        raise AssertionError(f"{self._name} did not expect {list(argv)!r}")
