"""restic, run as a child: what it says read as JSON, what goes wrong as one sentence."""

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from slipway import child_environment
from slipway.errors import NO_SPACE, Busy, Refused, SlipwayError, readable
from slipway.files.repository import Repository
from slipway.progress import Reporter

PROGRAM = "restic"
OLDEST = (0, 18)  # before, it has no choice of attributes, and exit codes and sums of its own
INCOMPLETE, MISSING, LOCKED, WRONG_KEY = 3, 10, 11, 12  # its exit codes
TELL_EVERY = 5.0  # seconds
LONGEST = 300  # characters of what it says

VERSION = re.compile(r"restic v?(\d+)\.(\d+)")

Message = dict[str, Any]


class ResticFailed(SlipwayError):
    """restic ended with another code than 0."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class Restic:
    """restic with one repository."""

    def __init__(self, repository: Repository, reporter: Reporter) -> None:
        self.repository = repository
        self._reporter = reporter

    def ready(self, *, make: bool = False) -> bool:
        """Say whether there is a repository that this key opens; with `make`, make one.

        Locks of runs that were killed are removed. Raises Refused for another key.
        """
        refuse_old(self._version())
        self.repository.look()
        try:
            self.run("cat", "config")
        except ResticFailed as error:
            if error.code != MISSING:
                raise
            if make:
                self.run("init")
            return make
        self.run("unlock")
        return True

    def _version(self) -> str:
        argv, environment = [PROGRAM, "version"], child_environment.made(PROGRAM)
        return subprocess.run(
            argv, env=environment, capture_output=True, text=True, check=False
        ).stdout

    def run(self, *words: str, cwd: str = "/") -> list[Message]:
        """Run one command; return its messages, but for how far it is, which is reported."""
        return list(self.stream(*words, cwd=cwd))

    def stream(self, *words: str, cwd: str = "/") -> Iterator[Message]:
        """Run one command and yield its messages as they come. Raises ResticFailed at the end."""
        place = self.repository
        argv = [PROGRAM, "--json", "--repo", place.location, *place.options, *words]
        environment = child_environment.made(PROGRAM) | dict(place.environment)
        progress = _Progress(words[0], self._reporter)
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                argv, stdout=subprocess.PIPE, stderr=errors, env=environment, cwd=cwd
            )
            assert child.stdout is not None  # noqa: S101  asked for above
            try:
                for message in _messages(child.stdout):
                    if message.get("message_type") == "status":
                        progress.tell(message)
                    else:
                        yield message
                code = child.wait()
            finally:
                if child.poll() is None:
                    child.kill()
                    child.wait()
            errors.seek(0)
            text = errors.read().decode(errors="replace")
        if code:
            raise explain(words[0], code, text, place.name)


def refuse_old(version: str) -> None:
    """Raise Refused for a restic that lacks what is asked of it here."""
    match = VERSION.match(version)
    if match and tuple(map(int, match.groups())) >= OLDEST:
        return
    oldest, actual = ".".join(map(str, OLDEST)), " ".join(version.split()[:2])
    raise Refused(
        f"files are backed up with restic {oldest} or newer, and the image of ops has "
        f"{readable(actual[:40]) or 'none'}; let compose/ops/Dockerfile begin with an image of "
        "Debian 13 or newer (postgres:17-trixie), and deploy. Nothing was changed"
    )


def explain(command: str, code: int, text: str, store: str) -> SlipwayError:
    """Turn how restic ended into a sentence."""
    lines = [readable(line)[:LONGEST] for line in map(_plain, text.splitlines()) if line]
    why = lines[-1].removeprefix("Fatal: ") if lines else f"it ended with {code}"
    if code == WRONG_KEY or "wrong password" in why:
        return Refused(
            f"{store} was made with another BACKUP_FILES_PASSPHRASE; put that one back into "
            "secrets/, commit and deploy. Nothing was changed"
        )
    if code == LOCKED:
        return Busy(f"{store} is in use by another restic: {why}; retry when it is done")
    if NO_SPACE in text.lower():
        why = f"{NO_SPACE}; runbooks/disk-full.md"
    return ResticFailed(f"restic {command} at {store} failed: {why}", code)


def _messages(stream: Any) -> Iterator[Message]:
    for line in stream:
        try:
            message = json.loads(line)
        except ValueError:
            continue  # a warning of a backend
        for each in message if isinstance(message, list) else [message]:
            if isinstance(each, dict):
                yield each


def _plain(line: str) -> str:
    """Return the text of an error, which restic writes as JSON where it was asked to."""
    try:
        document = json.loads(line)
    except ValueError:
        return line.strip()
    if not isinstance(document, dict):
        return line.strip()
    error = document.get("error")
    inner = error.get("message") if isinstance(error, dict) else None
    item = document.get("item")
    text = str(document.get("message") or inner or "").strip()
    return f"{item}: {text}" if item and text else text


class _Progress:
    """Says every few seconds how far restic is."""

    def __init__(self, label: str, reporter: Reporter, clock: Callable[[], float] = time.monotonic):
        self._label, self._reporter, self._clock = label, reporter, clock
        self._last = clock()

    def tell(self, message: Message) -> None:
        now = self._clock()
        if now - self._last < TELL_EVERY:
            return
        self._last = now
        size = int(message.get("bytes_done") or message.get("bytes_restored") or 0)
        files = int(message.get("files_done") or message.get("files_restored") or 0)
        label = f"{self._label}, {files:,} files" if files else self._label  # small ones are no MB
        self._reporter.progress(label, size, int(message.get("total_bytes") or 0))


def of_bytes(messages: Sequence[Message], key: str) -> int:
    """Return a number of the last message that has it; 0 where none has."""
    return next((int(each[key]) for each in reversed(messages) if key in each), 0)
