"""When a certificate is obtained, and when not: never what is there, never too often."""

import pytest

from slipway.certificates.bundle import BY_CADDY, Attempt, Bundle
from slipway.certificates.issuer import Files, Issuer, NotObtained, retry_after
from tests.fakes.certificates import NOW, make

HOUR = 3600.0
DAY = 24 * HOUR
ACCOUNT = {"accounts/ca/me/account.json": b"{}"}


class Authority:
    """Gives certificates of 90 days, or none; counts who asks, and with which account."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.accounts: list[Files] = []
        self.error = ""
        self.life = 90.0
        self.other = ""  # for which name it gives one instead

    def obtain(self, name: str, accounts: Files) -> tuple[bytes, Files]:
        self.asked.append(name)
        self.accounts.append(accounts)
        if self.error:
            raise NotObtained(self.error)
        return b"".join(make([self.other or name], begins=-1 / 24, ends=self.life)), ACCOUNT


class Clock:
    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def issuer(authority: Authority, clock: Clock, *names: str, ca: str = "https://ca") -> Issuer:
    return Issuer(names or ("a.test",), ca, authority.obtain, clock=clock)


def test_each_name_is_obtained_once_and_renewed_in_the_last_third_of_its_life(
    authority: Authority, clock: Clock
) -> None:
    one = issuer(authority, clock, "a.test", "*.a.test")
    for days in (0, 1, 58):
        clock.now = NOW.timestamp() + days * DAY
        one.work()
    assert authority.asked == ["a.test", "*.a.test"]
    before = one.bundle.number
    clock.now = NOW.timestamp() + 61 * DAY
    one.work()
    assert authority.asked[2:] == ["a.test", "*.a.test"] and one.bundle.number > before
    assert authority.accounts[-1] == ACCOUNT, "the account is kept"


def test_no_name_fails_more_than_five_times_in_any_hour(authority: Authority, clock: Clock) -> None:
    authority.error = "no answer at port 80"
    one = issuer(authority, clock)
    times = []
    for minute in range(60 * 24 * 3):
        clock.now = NOW.timestamp() + minute * 60
        if one.work():
            times.append(minute)
    assert max(sum(first <= each < first + 60 for each in times) for first in times) <= 5
    assert len(times) < 16, "two attempts a day after the first"
    attempt = one.bundle.attempts["a.test"]
    assert (attempt.failures, attempt.error) == (len(times), "no answer at port 80")
    one.forgive()
    authority.error = ""
    assert len(one.work()) == 1 and one.bundle.attempts["a.test"] == Attempt("https://ca")


@pytest.mark.parametrize(("life", "other"), [(-0.5, ""), (90.0, "other.test")])
def test_a_certificate_of_no_use_counts_as_a_failure_and_is_not_asked_for_at_once(
    authority: Authority, clock: Clock, life: float, other: str
) -> None:
    authority.life, authority.other = life, other
    one = issuer(authority, clock)
    one.work()
    clock.now += 60
    one.work()
    assert len(authority.asked) == 1 and one.bundle.attempts["a.test"].failures == 1


def test_what_failed_elsewhere_is_not_tried_again_by_a_service_that_starts(
    authority: Authority, clock: Clock
) -> None:
    authority.error = "acme: rateLimited: retry after 2999-01-01 00:00:00 UTC: see …"
    first = issuer(authority, clock)
    first.work()
    second = issuer(authority, clock)
    second.take_over([Bundle(), Bundle.from_tar(first.bundle.to_tar())])
    clock.now += 30 * DAY
    assert second.work() == [] and authority.asked == ["a.test"]
    assert second.bundle == first.bundle


def test_the_newest_of_what_edges_have_is_continued_from(
    authority: Authority, clock: Clock
) -> None:
    old = Bundle(3, {"a.test.pem": b"".join(make(["a.test"]))}, {"a.test": Attempt("https://ca")})
    new = Bundle(7, {"a.test.pem": b"".join(make(["a.test"]))}, {"a.test": Attempt("https://ca")})
    one = issuer(authority, clock)
    one.take_over([old, new, Bundle()])
    assert one.work() == [] and one.bundle == new


def test_what_caddy_had_obtained_by_itself_is_kept_until_it_is_due(
    authority: Authority, clock: Clock
) -> None:
    one = issuer(authority, clock)
    one.take_over([Bundle(1, {"a.test.pem": b"".join(make(["a.test"]))})])
    assert one.work() == []
    clock.now += 65 * DAY
    one.work()
    assert authority.asked == ["a.test"]


def test_another_authority_is_asked_and_until_it_answers_the_old_certificate_stays(
    authority: Authority, clock: Clock
) -> None:
    first = issuer(authority, clock, ca="https://staging")
    first.work()
    before = first.bundle.files["a.test.pem"]
    second = issuer(authority, clock)
    second.take_over([first.bundle])
    authority.error = "away"
    second.work()
    assert second.bundle.files["a.test.pem"] == before
    second.forgive()
    authority.error = ""
    second.work()
    assert second.bundle.files["a.test.pem"] != before


def test_it_is_renewed_when_the_authority_suggests_it_and_never_twice_a_day(
    authority: Authority, clock: Clock
) -> None:
    one = issuer(authority, clock)
    one.work()
    one.suggested = lambda chain: clock.now - 1
    one.work()
    assert len(authority.asked) == 1, "it is new"
    clock.now += DAY
    one.work()
    assert len(authority.asked) == 2
    one.suggested = lambda chain: clock.now + 1
    clock.now += 2 * DAY
    one.work()
    assert len(authority.asked) == 2


def test_a_provided_certificate_is_for_all_names_and_the_same_one_changes_nothing(
    authority: Authority, clock: Clock
) -> None:
    one = issuer(authority, clock, "a.test", "b.a.test")
    chain, key = make(["a.test", "*.a.test"])
    one.provide(chain, key)
    number = one.bundle.number
    assert one.bundle.files.keys() == {"a.test.pem", "b.a.test.pem"}
    one.provide(chain, key)
    assert one.bundle.number == number
    one.provide(*make(["a.test", "*.a.test"]))
    assert one.bundle.number > number


def test_what_several_edges_had_obtained_by_themselves_is_all_taken_over(
    authority: Authority, clock: Clock
) -> None:
    early, late = (b"".join(make(["a.test"], ends=days)) for days in (40, 60))
    other = b"".join(make(["b.test"]))
    one = issuer(authority, clock, "a.test", "b.test")
    first, second = {"a.test.pem": late, "b.test.pem": b"cut off"}, {"b.test.pem": other}
    one.take_over([Bundle(BY_CADDY, each) for each in (first, {"a.test.pem": early}, second)])
    assert one.bundle.files == {"a.test.pem": late, "b.test.pem": other}
    one.work()
    assert authority.asked == []


def test_names_that_are_served_no_more_are_dropped(authority: Authority, clock: Clock) -> None:
    first = issuer(authority, clock, "a.test", "b.test")
    first.work()
    second = issuer(authority, clock, "b.test")
    second.take_over([first.bundle])
    second.work()
    assert second.bundle.attempts.keys() == {"b.test"}
    assert second.bundle.files.keys() == {"b.test.pem", *ACCOUNT}


def test_the_time_that_the_authority_names_is_read() -> None:
    text = "429 :: rateLimited :: too many certificates, retry after 2026-12-01 10:20:30 UTC: see"
    assert retry_after(text) == 1796120430
    assert retry_after("connection refused") == 0


@pytest.mark.parametrize("data", [b"", b"no tar", Bundle(1).to_tar()[:600]])
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="bundle"):
        Bundle.from_tar(data)
