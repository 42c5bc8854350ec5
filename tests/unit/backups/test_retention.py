"""What a policy keeps, and that nothing that may be the last good backup ever goes."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from slipway.backups.schedule import retention
from slipway.backups.schedule.policy import Retention
from slipway.backups.schedule.retention import DatedBackup, Decision

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STALE = 26 * 3600.0
WEEK = Retention(7, 0, 0, 0)

counts = st.integers(0, 12)
policies = st.builds(Retention, counts, counts, counts, counts)
moments = st.datetimes(datetime(2023, 1, 1), datetime(2026, 11, 22, 10)).map(
    lambda at: at.replace(tzinfo=UTC, microsecond=0)
)
histories = st.lists(st.tuples(moments, st.booleans()), min_size=1, max_size=120).map(
    lambda found: [DatedBackup(f"b{n}", at, proven) for n, (at, proven) in enumerate(found)]
)
fresh = st.just(DatedBackup("fresh", NOW - timedelta(hours=1), False))


def daily(first: date, last: date, hour: int = 2, proven: bool = False) -> list[DatedBackup]:
    days = (last - first).days + 1
    moments = (datetime(first.year, first.month, first.day, hour, tzinfo=UTC),) * days
    made = [at + timedelta(days=n) for n, at in enumerate(moments)]
    return [DatedBackup(f"{at:%Y-%m-%d}", at, proven) for at in made]


def decide(
    backups: Iterable[DatedBackup], keep: Retention, now: datetime = NOW, failed: str = ""
) -> Decision:
    return retention.decide(list(backups), keep, now, STALE, failed)


def kept(decision: Decision) -> set[str]:
    return {name for name, _ in decision.keep}


@given(histories, fresh, policies)
def test_every_backup_either_stays_with_a_reason_or_goes(
    history: list[DatedBackup], newest: DatedBackup, keep: Retention
) -> None:
    found = decide([*history, newest], keep)
    assert kept(found) | set(found.drop) == {one.ident for one in [*history, newest]}
    assert not kept(found) & set(found.drop)
    assert all(reason for _, reason in found.keep)


@given(histories, fresh, policies)
def test_the_newest_and_the_newest_proven_never_go(
    history: list[DatedBackup], newest: DatedBackup, keep: Retention
) -> None:
    stays = kept(decide([*history, newest], keep))
    assert newest.ident in stays
    proven = [one for one in history if one.proven]
    if proven:
        best = max(proven, key=lambda one: (one.created, one.ident))
        assert best.ident in stays


@given(histories, fresh, policies)
def test_pruning_twice_removes_no_more_than_once(
    history: list[DatedBackup], newest: DatedBackup, keep: Retention
) -> None:
    everything = [*history, newest]
    stays = kept(decide(everything, keep))
    again = decide([one for one in everything if one.ident in stays], keep)
    assert again.drop == ()


@given(histories, fresh, policies, st.permutations(range(4)))
def test_a_policy_that_keeps_more_never_removes_what_a_smaller_one_keeps(
    history: list[DatedBackup], newest: DatedBackup, keep: Retention, order: list[int]
) -> None:
    more = Retention(*(n + extra for n, extra in zip(vars(keep).values(), order, strict=True)))
    everything = [*history, newest]
    assert kept(decide(everything, keep)) <= kept(decide(everything, more))


@given(histories, policies, st.integers(27, 24 * 400))
def test_nothing_goes_while_backups_stay_away(
    history: list[DatedBackup], keep: Retention, hours: int
) -> None:
    newest = max(one.created for one in history)
    found = decide(history, keep, newest + timedelta(hours=hours))
    assert found.drop == ()
    assert "take one before old ones go" in found.held


@given(histories, fresh, policies)
def test_nothing_goes_after_a_failure(
    history: list[DatedBackup], newest: DatedBackup, keep: Retention
) -> None:
    found = decide([*history, newest], keep, failed="the last scheduled backup failed")
    assert found.drop == ()
    assert found.held == "the last scheduled backup failed"


@given(histories, policies)
def test_a_clock_that_runs_ahead_removes_nothing(
    history: list[DatedBackup], keep: Retention
) -> None:
    ahead = DatedBackup("ahead", NOW + timedelta(hours=2), False)
    found = decide([*history, ahead], keep)
    assert found.drop == ()
    assert "set the clock" in found.held


def test_pruned_every_day_for_three_years_the_picture_is_days_weeks_months_and_years() -> None:
    keep = Retention(daily=7, weekly=5, monthly=12, yearly=3)
    there: list[DatedBackup] = []
    for one in daily(date(2023, 11, 20), date(2026, 11, 22)):
        there.append(one)
        found = decide(there, keep, one.created + timedelta(hours=2))
        there = [each for each in there if each.ident in kept(found)]
    assert [one.ident for one in there] == [
        *("2024-12-31", "2025-12-31"),
        *(f"2026-{month:02}-{day}" for month, day in MONTH_ENDS),
        *("2026-10-25", "2026-10-31", "2026-11-01", "2026-11-08", "2026-11-15"),
        *(f"2026-11-{day}" for day in range(16, 23)),
    ]


MONTH_ENDS = ((1, 31), (2, 28), (3, 31), (4, 30), (5, 31), (6, 30), (7, 31), (8, 31), (9, 30))


def test_a_week_belongs_to_the_year_of_its_thursday() -> None:
    backups = daily(date(2020, 12, 20), date(2021, 1, 4))  # 2020 has a week 53, until 3 January
    found = decide(backups, Retention(0, 3, 0, 0), datetime(2021, 1, 4, 12, tzinfo=UTC))
    assert kept(found) == {"2020-12-27", "2021-01-03", "2021-01-04"}


def test_the_night_on_which_clocks_are_set_is_a_night_like_any_other() -> None:
    backups = daily(date(2026, 10, 20), date(2026, 10, 27), hour=1)  # Europe: 25 October, 01:00 UTC
    found = decide(backups, WEEK, datetime(2026, 10, 27, 12, tzinfo=UTC))
    assert found.drop == ("2026-10-20",)


def test_of_a_day_with_many_backups_the_last_is_kept() -> None:
    day = datetime(2026, 11, 21, tzinfo=UTC)
    backups = [DatedBackup(f"{hour:02}", day + timedelta(hours=hour), False) for hour in range(24)]
    assert kept(decide(backups, Retention(3, 0, 0, 0))) == {"23"}


def test_days_without_a_backup_do_not_count() -> None:
    backups = daily(date(2026, 1, 1), date(2026, 1, 5)) + daily(
        date(2026, 11, 21), date(2026, 11, 22)
    )
    assert kept(decide(backups, Retention(4, 0, 0, 0))) == {
        *("2026-01-04", "2026-01-05", "2026-11-21", "2026-11-22"),
    }


def test_without_a_backup_there_is_nothing_to_decide() -> None:
    assert decide([], WEEK) == Decision((), (), "there is no backup")
