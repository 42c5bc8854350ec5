"""What edges show, read and judged: which machine lacks what, and which certificate ends soon."""

import json

import pytest

from slipway.certificates.bundle import Attempt
from slipway.edge import copies
from slipway.edge.copies import Copies
from tests.fakes.certificates import NOW, make


def printed(name: str, days: float, **attempt: object) -> Copies:
    chain, _ = make([name], days - 90, days)
    attempts = json.dumps({name: attempt} if attempt else {})
    return copies.parse(f"{attempts}\nfile /data/certificates/{name}.pem\n{chain.decode()}")


def test_machines_that_show_the_same_are_one_line_and_one_that_lacks_it_another() -> None:
    has = printed("a.test", 90)
    states = list(copies.states(["a.test"], {"m1": has, "m2": has, "m3": Copies()}, 1.0))
    assert [(each.machines, each.issuer) for each in states] == [
        (("m1", "m2"), "Test Authority"),
        (("m3",), ""),
    ]
    assert states[1].problem == "m3 has no certificate for a.test: none came yet"


@pytest.mark.parametrize(
    ("days", "problem"),
    [(40, ""), (5, "ends in 5.0 days"), (-0.5, "has expired")],
)
def test_a_certificate_that_ends_soon_is_a_problem_with_its_reason(
    days: float, problem: str
) -> None:
    at = NOW.timestamp() + 600
    has = printed("a.test", days, failures=2, error="no answer at port 80", again=at)
    (state,) = copies.states(["a.test"], {"m1": has}, NOW.timestamp())
    assert (problem in state.problem) and bool(problem) == bool(state.problem)
    assert not problem or state.problem.endswith(
        "no answer at port 80 (failed 2 times, again in 10 min)"
    )


def test_a_provided_one_that_ends_says_what_to_do() -> None:
    has = Copies(printed("a.test", 5).certificates, {"a.test": Attempt("provided")})
    (state,) = copies.states(["a.test"], {"m1": has}, NOW.timestamp())
    assert state.problem.endswith("put a new one into TLS_CHAIN and TLS_KEY")


def test_an_edge_without_any_prints_nothing() -> None:
    assert copies.parse("{}") == Copies()
