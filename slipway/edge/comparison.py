"""Whether what edges counted of a release is clearly worse than what they counted before it."""

import math
from dataclasses import dataclass

from slipway.edge.figures import Figures

LEAST = 50  # requests, before and since: fewer say nothing
SURE = 2.58  # standard deviations: 99 in 100 times the true share lies within Wilson's bounds
MORE_ERRORS = 0.005  # so much more of all requests at least is clearly worse
MORE_SLOW = 0.10
MOST = 0.95  # of the answers began within the usual time
NOTICED = 0.25  # seconds under which nobody calls an answer slow


@dataclass(frozen=True)
class Verdict:
    """What was seen, and what of it is clearly worse; nothing where all is as well as before."""

    text: str
    worse: str = ""


def compare(before: Figures, since: Figures, lately: Figures, when: str = "before") -> Verdict:
    """Compare the last minutes of one release with what came since the next one serves.

    Errors count from its first request on; how long it takes only `lately`, since what has just
    started is slow for a moment. `when` says of which the other figures are.
    """
    if min(before.requests, since.requests) < LEAST:
        few = f"{since.requests} requests, and {before.requests} {when}"
        return Verdict(f"too few requests to compare ({few})")
    text = f"{describe(since)}; {when} {describe(before)}"
    reasons = [reason for reason in (_errors(before, since), _slow(before, lately)) if reason]
    return Verdict(text, " and ".join(reasons))


def describe(figures: Figures) -> str:
    """Say the figures in a few words."""
    errors = f"{100 * figures.errors / max(1, figures.requests):.1f} % errors"
    usual = _usual(figures)
    time = f", {MOST:.0%} began within {_seconds(usual)}" if usual else ""
    return f"{figures.requests} requests, {errors}{time}"


def _errors(before: Figures, since: Figures) -> str:
    _, most = bounds(before.errors, before.requests)
    least, _ = bounds(since.errors, since.requests)
    return "more requests fail" if least > most + MORE_ERRORS else ""


def _slow(before: Figures, lately: Figures) -> str:
    """Compare the share of answers that take at least twice as long as nearly all did before."""
    usual = _usual(before)
    limits = [bound for bound in sorted(before.within) if bound >= max(2 * usual, NOTICED)]
    if not usual or not limits or math.isinf(limits[0]) or _answers(lately) < LEAST:
        return ""
    limit = limits[0]
    _, most = bounds(_answers(before) - before.within[limit], _answers(before))
    least, _ = bounds(_answers(lately) - lately.within.get(limit, 0), _answers(lately))
    return f"answers take longer than {_seconds(limit)}" if least > most + MORE_SLOW else ""


def bounds(hits: int, total: int) -> tuple[float, float]:
    """Return between which shares the true one lies (Wilson's interval)."""
    share, weight = hits / total, SURE**2 / total
    middle = share + weight / 2
    spread = SURE * math.sqrt(share * (1 - share) / total + weight / (4 * total))
    return (middle - spread) / (1 + weight), (middle + spread) / (1 + weight)


def _usual(figures: Figures) -> float:
    """Return within how many seconds nearly all answers began; 0 where that is unknown."""
    answers = _answers(figures)
    bounded = (b for b, count in sorted(figures.within.items()) if count >= MOST * answers)
    usual = next(bounded, math.inf)
    return 0.0 if not answers or math.isinf(usual) else usual


def _answers(figures: Figures) -> int:
    return figures.within.get(math.inf, 0)


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:g} s"
