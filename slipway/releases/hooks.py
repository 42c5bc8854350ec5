"""Programs of the team around a deploy: executables in hooks/, each named after its moment."""

import os
import stat
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from slipway import suggest
from slipway.errors import ConfigError, SlipwayError, first_line, listing
from slipway.hosts.local import LocalHost
from slipway.progress import Reporter
from slipway.project import ROOT

FOLDER = ROOT / "hooks"
# Those before something stop the deploy when they fail; those after it cannot change it any more.
BEFORE = ("before-deploy", "before-build", "before-migrate", "before-cutover")
AFTER = ("after-cutover", "after-deploy", "after-failure")
MOMENTS = (*BEFORE, *AFTER)
IGNORED = (".md", ".sample", ".txt")
LAST_LINES = 10
ENDED_AGAIN = 0.1  # seconds after which one that is out of time and still runs is ended once more


class Hooks:
    """The hooks of one change, with what they are told about it."""

    def __init__(
        self, facts: Callable[[], Mapping[str, str]], limit: float, folder: Path = FOLDER
    ) -> None:
        """`facts` are read when a hook runs; `limit` is in seconds, for each."""
        self._facts = facts
        self._limit = limit
        self._folder = folder

    def has(self, moment: str) -> bool:
        """Whether there is one for this moment."""
        return (self._folder / moment).is_file()

    def run(self, moment: str, reporter: Reporter) -> str:
        """Run the hook of a moment. Raises SlipwayError with its last lines when it fails."""
        path = self._folder / moment
        facts = {f"SLIPWAY_{name}": value for name, value in self._facts().items()}
        environment = {**os.environ, **facts, "SLIPWAY_HOOK": moment}
        host = LocalHost("this computer", env=environment, cwd=self._folder.parent, is_persons=True)
        last: list[str] = []

        def take(line: str) -> None:
            reporter.note(line)
            last.append(line)
            del last[:-LAST_LINES]

        ended, out_of_time = threading.Event(), threading.Event()

        def limit() -> None:
            if ended.wait(self._limit):
                return
            out_of_time.set()
            host.close()
            while not ended.wait(ENDED_AGAIN):  # it may be starting only now
                host.close()

        threading.Thread(target=limit, daemon=True).start()
        try:
            code = host.follow([str(path)], take)
        except OSError as error:
            raise SlipwayError(f"hooks/{moment} cannot be started: {error.strerror}") from error
        finally:
            ended.set()
        if out_of_time.is_set():
            raise SlipwayError(f"hooks/{moment} had not ended after {self._limit:.0f} s")
        if code != 0:
            quoted = "".join(f"\n    {line}" for line in last)
            raise SlipwayError(f"hooks/{moment} ended with {code}{quoted}")
        return f"hooks/{moment} ended well"

    def try_to_run(self, moment: str, reporter: Reporter) -> None:
        """Run the hook of a moment that changes nothing any more; a failure is only noted."""
        if not self.has(moment):
            return
        with suppress(Exception):  # nor does a reporter that fails
            try:
                self.run(moment, reporter)
            except SlipwayError as error:
                reporter.note(f"{first_line(error)}; this changes nothing")


def check(folder: Path = FOLDER) -> None:
    """Raise ConfigError for a file that would never run: another name, or no executable."""
    problems = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(".") or path.suffix in IGNORED:
            continue
        if path.name not in MOMENTS:
            hint = suggest.nearest(path.name, MOMENTS)
            problems.append(f"hooks/{path.name}: there is no such moment{hint}; {_known()}")
        elif not path.stat().st_mode & stat.S_IXUSR:
            problems.append(
                f"hooks/{path.name}: is not executable; type: chmod +x hooks/{path.name}"
            )
    if problems:
        raise ConfigError(listing(problems))


def _known() -> str:
    return f"the moments are {', '.join(MOMENTS)}"
