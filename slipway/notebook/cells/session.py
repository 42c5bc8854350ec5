"""The shell that the cells of a run share: each has a bash of its own and finds what was left."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from slipway.errors import SlipwayError, UsageError
from slipway.notebook.cells import process, python_cell, script, state
from slipway.notebook.cells.capture import Capture
from slipway.notebook.cells.mask import Mask
from slipway.notebook.cells.pipes import ForegroundJob
from slipway.notebook.cells.process import ExitStatus, OutputReader
from slipway.notebook.cells.result import CellResult
from slipway.notebook.cells.state import CellState
from slipway.notebook.cells.tee import OutputUnwritable, Tee, writing
from slipway.notebook.cells.terminal import Keyboard
from slipway.notebook.document import Cell
from slipway.project import PROGRAMS, ROOT

TEST_PATIENCE = 60.0  # seconds for a `when`
LEFT_NOTHING = "! it ended its own shell, as exec does: later cells do not have what it set"
# With these a bash would run a file before the cell, or would not be itself.
UNWANTED = ("BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "POSIXLY_CORRECT", "CDPATH", "OLDPWD")

# A cell's output cannot move the cursor, so those who would draw over several lines do not.
ONE_LINE = {"BUILDKIT_PROGRESS": "plain", "COMPOSE_PROGRESS": "plain"}


class Screen(Protocol):
    """Where a cell's output goes while it runs; masked already.

    With a terminal it gets what the terminal gets, which is in raw mode meanwhile.
    """

    def write(self, data: bytes) -> None: ...


class CellSession:
    """Runs cells, one after the other; only a cell that passed changes what the next one finds."""

    def __init__(
        self,
        record_folder: Path,
        variables: Mapping[str, str],
        mask: Mask,
        *,
        root: Path = ROOT,
        terminal: bool = False,
        debug: Callable[[str], None] | None = None,
    ) -> None:
        for name, value in variables.items():
            if "\0" in value:
                raise UsageError(f"{name} holds a NUL byte, which no variable can hold")
        self._folder, self._mask, self._root = record_folder, mask, root
        self._person = Keyboard() if terminal else None
        self._debug = debug or (lambda text: None)
        env = {name: value for name, value in os.environ.items() if name not in UNWANTED}
        path = os.pathsep.join([str(root), str(PROGRAMS), env.get("PATH", os.defpath)])
        self._env = {**(ONE_LINE if terminal else {}), **env, "PATH": path, **variables}
        self._name = _file_of(variables.get("RUNBOOK", ""), root)
        self._state = CellState(root)

    def load(self, n: int) -> tuple[str, ...]:
        """Take the state after the n-th started cell; return the names that no file kept."""
        self._state = state.read(self._state_path(n)) if n else CellState(self._root)
        return self._state.unkept

    def run(self, cell: Cell, n: int, screen: Screen) -> CellResult:
        """Run a cell to its end, whatever that is; it is ended when its record cannot be kept."""
        try:
            return self._run(cell, n, screen)
        except OutputUnwritable as error:
            raise SlipwayError(
                f"the run was stopped: {error}; {cell.id} may have run: make room, look, then "
                f"inv runbook.run --resume={self._folder.name}"
            ) from None
        except OSError as error:  # of the screen: a closed pipe, a terminal that is gone
            raise OSError(error.errno, f"{error.strerror}; {cell.id} may have run") from None

    def _run(self, cell: Cell, n: int, screen: Screen) -> CellResult:
        log = self._folder / "cells" / f"{n:02}.log"
        interactive = cell.attributes.interactive and self._person is not None
        with Tee(log, self._mask, screen.write, typed=interactive) as tee:
            try:
                folder = self._folder_of(cell)
            except SlipwayError as error:
                tee.take(f"{error}\n".encode())
                return CellResult("failed", None, 0.0, log, 1, message=self._mask.text(str(error)))
            capture = Capture(cell.attributes.capture, tee.take, is_raw=self._person is not None)
            reader = OutputReader(
                tee.take,
                capture.take if capture.variable else None,
                tee.idle if interactive else None,
                tee.hide_traces,
            )
            with self._source(cell, n) as source:
                ended = self._run_job(self._job(cell, folder, source), reader, self._person)
            if ended.code == 0 and not ended.reason and not ended.report:
                tee.remark(LEFT_NOTHING)
        message = capture.complaint if ended.code == 0 and not ended.reason else _signal(ended)
        passed = not ended.reason and ended.code == 0 and not message
        if passed:
            self._advance(cell, folder, ended, capture)
            with writing(self._state_path(n)):
                self._state.write(self._state_path(n))
        return CellResult(
            outcome="passed" if passed else (ended.reason or "failed"),
            code=ended.code if ended.code >= 0 and not ended.reason else None,
            seconds=ended.seconds,
            log=log,
            lines=tee.lines,
            size=tee.size,
            captured=self._mask.text(capture.value) if passed and capture.variable else None,
            left=tuple(self._mask.text(each) for each in ended.left),
            unkept=self._state.unkept if passed else (),
            message=message,
        )

    def test(self, condition: str) -> bool:
        """Whether a shell condition holds in the present state, which it does not change.

        A condition that cannot be decided is an error: its cell neither runs nor is skipped.
        """
        output = bytearray()
        source = script.test(self._state.script(), condition)
        job = ForegroundJob(
            script.bash(self._name, "test"),
            self._env,
            self._present(self._state.cwd),
            source.encode(errors="surrogateescape"),
            TEST_PATIENCE,
        )
        ended = self._run_job(job, OutputReader(output.extend), None)
        if ended.reason == "interrupted":
            raise KeyboardInterrupt
        # The code of the condition, if the shell lived to see it; 2 and 126 on tell of an error.
        code = int(ended.report or b"-1")
        lines = self._mask.text(output.decode(errors="replace")).strip().splitlines()
        if ended.reason or code < 0 or code > 125 or (code == 2 and lines):
            reason = ended.reason or (lines[-1] if lines else f"it ended with {ended.code}")
            shown = self._mask.text(condition)
            raise SlipwayError(f'when="{shown}" cannot be evaluated: {reason}')
        return code == 0

    def values(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return those of the variables that are set in the present state."""
        if not names:
            return {}
        source = script.values(self._state.script(), names).encode(errors="surrogateescape")
        argv = script.bash(self._name, "values")
        job = ForegroundJob(argv, self._env, self._root, source, TEST_PATIENCE)
        ended = self._run_job(job, OutputReader(lambda data: None), None)
        if ended.reason == "interrupted":
            raise KeyboardInterrupt
        words = iter(ended.report.decode(errors="replace").split("\0"))
        return dict(zip(words, words, strict=False))

    def assign(self, values: Mapping[str, str]) -> None:
        """Set variables for the cells to come, as if they had been in the environment."""
        lines = {name: state.assignment(name, text, export=True) for name, text in values.items()}
        secret = [name for name, text in values.items() if self._mask.hides(text)]
        self._state = self._state.extended(lines, secret, self._state.cwd)

    def shell(self, tell: Callable[[str], None] = lambda text: None) -> int:
        """Give the person a bash with the present state; what it changes is not kept."""
        folder = self._state.cwd
        if not folder.is_dir():
            folder = self._root if self._root.is_dir() else Path.home()
            tell(f"{self._state.cwd} is gone, so the shell starts in {folder}")
        script_fd, feed = os.pipe()
        text = f"{self._state.script()}PS1='[runbook] \\w \\$ '\n"
        argv = ["bash", "--noprofile", "--rcfile", f"/dev/fd/{script_fd}", "-i"]
        person = self._person or Keyboard()
        with person.restored():
            started = subprocess.Popen(argv, env=self._env, cwd=folder, pass_fds=(script_fd,))
            os.close(script_fd)
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
            try:
                with contextlib.suppress(BrokenPipeError), os.fdopen(feed, "wb") as file:
                    file.write(text.encode(errors="surrogateescape"))
                return started.wait()
            finally:
                signal.signal(signal.SIGINT, before)

    def close(self) -> None:
        """Forget what only this process knew."""
        self._state = CellState(self._root)

    def _state_path(self, n: int) -> Path:
        return self._folder / "state" / f"{n:02}.sh"

    def _run_job(
        self, job: ForegroundJob, reader: OutputReader, person: Keyboard | None
    ) -> ExitStatus:
        self._debug(self._mask.text(f"in {job.cwd}: {shlex.join(job.argv(60, 61))}"))
        return process.run_job(job, reader, person)

    def _job(self, cell: Cell, folder: Path, source: Path | None) -> ForegroundJob:
        traits = {"terminal": self._person is not None, "interactive": cell.attributes.interactive}
        before = self._state.script()
        if source is None:
            text = script.cell(before, cell.source, cell.line, **traits)
        else:
            words = [sys.executable, "-u", "-P", python_cell.__file__, str(source)]
            words += [self._name, str(cell.line), str(self._root)]
            text = script.python(before, words, **traits)
        return ForegroundJob(
            script.bash(self._name, "cell" if source is None else "python"),
            {**self._env, "RUNBOOK_CELL": cell.id},
            folder,
            text.encode(errors="surrogateescape"),
            cell.attributes.timeout,
            cell.attributes.interactive,
        )

    @contextlib.contextmanager
    def _source(self, cell: Cell, n: int) -> Iterator[Path | None]:
        """Write the source of a Python cell down for as long as it runs."""
        if cell.language != "python":
            yield None
            return
        path = self._folder / "cells" / f"{n:02}.py"
        try:
            with writing(path):
                path.touch(0o600)
                path.write_text(cell.source, encoding="utf-8")
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _advance(self, cell: Cell, folder: Path, ended: ExitStatus, capture: Capture) -> None:
        """Take the state that a cell left."""
        after = self._after_python(ended) if cell.language == "python" else None
        if cell.language != "python":
            after = state.from_bash(ended.report, self._env, self._mask)
        after = after or self._state
        if cell.attributes.cwd and after.cwd == folder:
            after = replace(after, cwd=self._state.cwd)  # the attribute is for its cell alone
        if capture.variable:
            line = state.assignment(capture.variable, capture.value)
            secret = [capture.variable] if self._mask.hides(capture.value) else []
            after = after.extended({capture.variable: line}, secret, after.cwd)
        self._state = after

    def _after_python(self, ended: ExitStatus) -> CellState | None:
        if not ended.report:
            return None
        changes = json.loads(ended.report)
        lines = {name: f"unset -v {name}\n" for name in changes["gone"]}
        values = {**changes["new"], **changes["changed"]}
        for name, value in values.items():
            lines[name] = state.assignment(name, value, export=name in changes["new"])
        lines = {name: line for name, line in lines.items() if state.NAME.match(name)}
        secret = [name for name in lines if self._mask.hides(values.get(name, ""))]
        return self._state.extended(lines, secret, Path(changes["cwd"]))

    def _folder_of(self, cell: Cell) -> Path:
        if not cell.attributes.cwd:
            return self._present(self._state.cwd)
        return self._present(self._root / cell.attributes.cwd)

    def _present(self, folder: Path) -> Path:
        if not folder.is_dir():
            raise SlipwayError(f"{folder}: there is no such folder to run in")
        return folder


def _file_of(runbook: str, root: Path) -> str:
    """Return the name that errors in a cell carry, as a person would type it."""
    path = f"runbooks/{runbook}.md"
    return path if (root / path).is_file() else runbook or "runbook"


def _signal(ended: ExitStatus) -> str:
    if ended.reason or ended.code >= 0:
        return ""
    return f"ended by {signal.Signals(-ended.code).name}"
