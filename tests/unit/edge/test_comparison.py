"""When answers of a release are clearly worse than those before it, by what edges counted."""

import math

import pytest

from slipway.edge import comparison, figures
from slipway.edge.figures import Figures

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, math.inf)


def counted(requests: int, errors: int = 0, *, slow: int = 0, usual: float = 0.025) -> Figures:
    """So many answers within the usual time, but for the slow ones, which take up to a second."""
    fast = {bound: requests - slow for bound in BOUNDS if bound >= usual}
    return Figures(
        requests, errors, dict.fromkeys(BOUNDS, 0) | fast | {1.0: requests, math.inf: requests}
    )


@pytest.mark.parametrize(
    ("before", "since", "worse"),
    [
        (counted(5000), counted(300), ""),
        (counted(5000), counted(300, 2), ""),  # it may be chance
        (counted(5000), counted(300, 15), "more requests fail"),
        (counted(5000), counted(60_000, 200), ""),  # surely more, and too little to matter
        (counted(5000, 250), counted(300, 18), ""),  # no better before
        (counted(5000, 250), counted(300, 60), "more requests fail"),
        (counted(60), counted(60, 9), ""),
        (counted(60), counted(60, 30), "more requests fail"),
        (counted(5000, slow=100), counted(300, slow=12), ""),
        (counted(5000, slow=100), counted(300, slow=90), "answers take longer than 250 ms"),
        (counted(5000, usual=0.25), counted(300, slow=90), "answers take longer than 500 ms"),
        (counted(5000, usual=1.0), counted(300, slow=290), ""),  # slow was usual
        (
            counted(5000),
            counted(300, 90, slow=200),
            "more requests fail and answers take longer than 250 ms",
        ),
    ],
)
def test_only_what_is_clearly_worse_counts(before: Figures, since: Figures, worse: str) -> None:
    assert comparison.compare(before, since, since).worse == worse


@pytest.mark.parametrize(("before", "since"), [(5000, 49), (49, 5000), (0, 0)])
def test_few_requests_are_never_compared(before: int, since: int) -> None:
    bad = counted(since, since)
    verdict = comparison.compare(counted(before), bad, bad)
    words = f"too few requests to compare ({since} requests, and {before} before)"
    assert (verdict.text, verdict.worse) == (words, "")


def test_what_is_slow_while_it_warms_up_is_not_held_against_it() -> None:
    since, lately = counted(400, slow=150), counted(200)
    verdict = comparison.compare(counted(5000, 5, slow=100), since, lately)
    assert verdict.worse == ""
    assert verdict.text == (
        "400 requests, 0.0 % errors, 95% began within 1 s; "
        "before 5000 requests, 0.1 % errors, 95% began within 25 ms"
    )
    assert comparison.compare(counted(5000), since, counted(40, slow=40)).worse == ""


def test_a_share_lies_within_its_bounds() -> None:
    assert comparison.bounds(0, 50)[0] == pytest.approx(0)
    assert comparison.bounds(0, 50) < (0.001, 0.12) < comparison.bounds(5, 20)
    assert comparison.bounds(50, 50)[1] == pytest.approx(1)


COUNT = 'caddy_http_request_duration_seconds_count{{code="{}",server="main"}} {}'
BUCKET = 'caddy_http_response_duration_seconds_bucket{{code="200",le="{}"}} {}'


def lines(when: str, well: int, failed: int, fast: int) -> str:
    texts = [COUNT.format(200, well), COUNT.format(502, failed)]
    texts += [BUCKET.format("0.25", fast), BUCKET.format("+Inf", well)]
    return "\n".join(f"{when} {text}" for text in texts)


def test_what_lies_between_two_looks_is_told_apart() -> None:
    looks = (("start", 100, 1, 90), ("before", 160, 3, 140), ("cutover", 160, 3, 140))
    text = "\n".join(lines(*look) for look in (*looks, ("now", 1.2e3, 4, 150)))
    found = figures.parse(text)
    assert found.before == Figures(62, 2, {0.25: 50, math.inf: 60})
    assert found.since == Figures(1041, 1, {0.25: 10, math.inf: 1040})
    # Other routes were loaded meanwhile, and Caddy began to count once more.
    anew = figures.parse("\n".join([lines("start", 500, 0, 0), lines("before", 70, 0, 60)]))
    assert anew.before == Figures(70, 0, {0.25: 60, math.inf: 70})
    assert figures.parse("") == figures.Counted(Figures(), Figures())
