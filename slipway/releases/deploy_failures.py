"""A deploy that failed: written down, and told with what serves now."""

import contextlib
import time
from collections.abc import Mapping

from slipway import errors
from slipway.errors import Busy, Interrupted, Refused, RolledBack, SlipwayError
from slipway.progress import Reporter
from slipway.releases.deployment import Deployment
from slipway.releases.notices import Result

TOUCHING = (
    "data",
    "edge",
    "migrate",
    "release",
    "fill",
    "cut over",
)  # steps before these change nothing that runs


def account_for(deployment: Deployment, error: BaseException, *, touched: bool) -> None:
    """Write the failure down and end with a sentence that says what serves now."""
    serving = deployment.serving_now()
    deployment.failure = errors.first_line(error) if str(error) else "interrupted"
    deployment.hooks.try_to_run("after-failure", deployment.reporter)
    if isinstance(error, KeyboardInterrupt):
        raise Interrupted(f"interrupted; {serving}") from None
    if not isinstance(error, SlipwayError):
        return
    if touched or not isinstance(error, Refused | Busy):
        # What could not be written down must not hide what serves.
        with contextlib.suppress(SlipwayError):
            deployment.note_failure(error)
    first, *rest = str(error).splitlines()
    tail = "".join(f"\n{line}" for line in rest)
    label = deployment.release.label
    if touched and deployment.live is not None:
        raise RolledBack(f"{label} was rolled back: {first}{tail}\n{serving}") from error
    kinds = (kind for kind in (Refused, Busy) if isinstance(error, kind))
    raise next(kinds, SlipwayError)(f"{first}{tail}\n{serving}") from error


def outcome(error: BaseException) -> Result:
    """Say in a word or two how a deploy ended that did not end well."""
    if isinstance(error, RolledBack):
        return "rolled back"
    return "interrupted" if isinstance(error, Interrupted | KeyboardInterrupt) else "failed"


class StepWatch:
    """Passes everything on, and remembers how long steps took, and whether one was reached that
    touches what runs."""

    def __init__(self, reporter: Reporter, expected: Mapping[str, float]) -> None:
        """`expected` maps a step to the seconds that it usually takes."""
        self._reporter = reporter
        self._expected = expected
        self._began: dict[str, float] = {}
        self.touched = False
        self.seconds: dict[str, float] = {}
        self.note = reporter.note
        self.progress = reporter.progress
        self.lane = reporter.lane
        self.failed = reporter.failed
        self.undone = reporter.undone

    def started(self, step: str, describe: str, usual: float = 0.0) -> None:
        self.touched = self.touched or step in TOUCHING
        self._began[step] = time.monotonic()
        self._reporter.started(step, describe, usual or self._expected.get(step, 0.0))

    def finished(self, step: str, result: str) -> None:
        self.seconds[step] = time.monotonic() - self._began[step]
        self._reporter.finished(step, result)
