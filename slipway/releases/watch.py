"""A look at a new colour while it serves: its health, and its answers beside those before it."""

import re
from collections.abc import Callable

from slipway.edge import comparison, figures
from slipway.edge.comparison import Verdict
from slipway.edge.figures import Counted, Figures
from slipway.errors import SlipwayError
from slipway.releases import task_failures
from slipway.releases.deployment import Deployment

SETTING = "WATCH"
LOOK = 5  # seconds between two comparisons
LINES = 5  # of each service, of those that name an error, where any does
ERROR = re.compile(r"error|exception|fatal|panic|status\W+5\d\d", re.IGNORECASE)


class ClearlyWorse(SlipwayError):
    """The answers of a new release are worse than those before it; the text has both figures."""


def seconds(deployment: Deployment) -> int:
    """Return for how long answers are compared; those of a past release are not: it was chosen."""
    if deployment.draft.is_recorded or deployment.live is None:
        return 0
    return deployment.env.number(SETTING, deployment.steady_seconds)


def describe(deployment: Deployment) -> str:
    """Say what the step does."""
    compared = seconds(deployment)
    time = max(deployment.steady_seconds, compared)
    rest = f", and compare its answers with those of {deployment.old}" if compared else ""
    return f"watch {deployment.colour} serve for {time} s{rest}"


def run(deployment: Deployment) -> str:
    """See the new colour stay healthy and answer as well as the old one, now that it has users.

    Raises NotHealthy or ClearlyWorse.
    """
    deployment.lead_signpost()
    compared = seconds(deployment)
    text = _compare(deployment, compared) if compared else ""
    _hold(deployment, deployment.steady_seconds)
    return f"no task failed; {text}" if text else "no task failed"


def _compare(deployment: Deployment, compared: int) -> str:
    """Compare again and again; how long answers take counts in the second half alone."""
    looks = max(2, compared // LOOK)
    first_half, text = Figures(), ""
    with figures.reader(deployment.env.prefix, deployment.cluster.all) as read:
        for look in range(1, looks + 1):
            _hold(deployment, compared * look / looks)
            if (counted := _attempt(read, deployment)) is None:
                return ""
            deployment.counted = counted
            if look <= looks // 2:
                first_half = counted.since
            lately = counted.since.since(first_half) if look == looks else Figures()
            verdict = comparison.compare(counted.before, counted.since, lately)
            if verdict.worse:
                raise ClearlyWorse(explain(deployment, verdict, "before"))
            text = verdict.text
    return text


def _hold(deployment: Deployment, until: float) -> None:
    """See no task fail until the colour has had users for so many seconds."""
    deployment.watching.hold(deployment.cluster.manager, until, deployment.cluster.all)


def _attempt(read: Callable[[], Counted], deployment: Deployment) -> Counted | None:
    """Read what edges counted; one that cannot say is no fault of the release."""
    try:
        return read()
    except SlipwayError as error:
        deployment.reporter.note(f"answers are not compared: {error}")
        return None


def explain(deployment: Deployment, verdict: Verdict, than: str) -> str:
    """Say what is worse, by which figures, and what the services printed last."""
    manager, hosts = deployment.cluster.manager, deployment.cluster.all
    words = {
        name: task_failures.last_words(manager, f"{deployment.idle_stack}_{name}", hosts)
        for name in deployment.after.names
    }
    errors = {name: list(filter(ERROR.search, lines)) for name, lines in words.items()}
    shown = errors if any(errors.values()) else words
    lines = [f"    {name}: {line}" for name, lines in shown.items() for line in lines[-LINES:]]
    return "\n".join([f"{verdict.worse} than {than}: {verdict.text}", *lines])
