"""When jobs are due: the labels read, refused, and kept to the minute by the machines' timer."""

import json
import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slipway.backups.schedule import crontab
from slipway.errors import ConfigError
from slipway.machines import job_timer
from slipway.releases import application, compose_limits, job_schedule, job_status, job_times
from slipway.releases.application import Service
from slipway.releases.job_status import JobRun
from slipway.releases.job_times import JobTimes
from tests.fakes.host import FakeHost
from tests.unit.releases.running_swarm import ENV, RELEASE, running


def job(**labels: str) -> dict[str, Any]:
    named = {f"slipway.{key}": value for key, value in labels.items()}
    return {"image": "a", "deploy": {"labels": {"slipway.role": "job"} | named}}


def test_labels_say_when_a_job_is_due_and_for_how_long() -> None:
    spec = job(schedule="15 3 * * *", missed="run", timeout="90m")
    assert job_times.of(spec["deploy"]["labels"]) == JobTimes("15 3 * * *", True, 5400)
    assert job_times.of(job(schedule="* * * * *")["deploy"]["labels"]) == JobTimes(
        "* * * * *", False, 3600
    )
    assert job_times.of(job()["deploy"]["labels"]) is None


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (job(schedule="15 3 * *"), "'15 3 * *' is not a cron expression of five fields; write mi"),
        (job(schedule="0 0 31 2 *"), "is not a cron expression"),
        (job(schedule="0 0 L * *"), "is not a cron expression that cron understands"),
        (job(schedule="0 3 * * *", missed="yes"), "'yes': write run, to make up for a missed time"),
        (job(schedule="0 3 * * *", timeout="soon"), "'soon' is no length of time; write 90s, 30m"),
        (
            job(timeout="1h"),
            "slipway.timeout is about a job with slipway.schedule, which is not th",
        ),
        (job(schedule="0 3 * * *", phase="release"), "a job of the release phase runs in a deploy"),
        (job(schedule="0 3 * * *", role="colour"), "only a service with role job runs at times"),
    ],
)
def test_times_that_cannot_be_kept_are_refused(spec: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        application.parse({"services": {"one": spec}})
    assert complaint in str(caught.value)


def due(expression: str, last: datetime, now: datetime) -> str:
    """Ask the function of the machines' timer, as it is there."""
    body = job_timer.TIMER.partition("\ncase ${1:-} in")[0]
    fields = job_times.fields(expression)
    names = ("minutes", "hours", "days", "months", "weekdays", "both")
    words = [str(int(last.timestamp())), *(fields[f"slipway.{name}"] for name in names)]
    script = f'{body}\nnow=$1; shift; due "$@"'
    argv = ["sh", "-c", script, "sh", str(int(now.timestamp())), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True, env=os.environ).stdout


moments = st.datetimes(datetime(2024, 1, 1), datetime(2033, 1, 1))
FREQUENT = ["* * * * *", "*/7 */5 * * *", "0 9-17/2 * JAN-JUN MON"]
DAILY = ["15 3 * * *", "0 12 * * 7", "30 4 1,15 * 5", "5 0 */10 * 1-5"]
expressions = st.sampled_from([*FREQUENT, *DAILY, "0 0 29 2 *", "59 23 31 12 *"])


@given(expressions, moments, st.integers(0, 40 * 24 * 3600))
@example("0 0 29 2 *", datetime(2028, 3, 1), 40 * 24 * 3600)
@example("* * * * *", datetime(2026, 11, 30, 10, 0, 0), 60)
@settings(max_examples=60, deadline=None)
def test_the_timer_finds_the_newest_due_moment_as_cron_does(
    expression: str, moment: datetime, ago: int
) -> None:
    now = moment.replace(microsecond=0, tzinfo=UTC)
    last = now - timedelta(seconds=ago)
    newest = crontab.last_time(expression, now)
    expected = f"{int(newest.timestamp())}\n" if newest > last else ""
    assert due(expression, last, now) == expected


LONG = replace(ENV, settings=MappingProxyType({**ENV.settings, "PROJECT": "p" * 32}))


def test_what_the_timer_is_told_is_named_by_what_it_says_and_fits_the_swarm() -> None:
    assert len(LONG.prefix) == compose_limits.PREFIX_LIMIT
    spec = {"networks": {"data": None}, **job(schedule="15 3 * * *")}
    ops = replace(RELEASE.services[1], spec={"secrets": [{"source": "BACKUP_NOTICE"}]})
    services = (ops, Service("digest", "job", spec))
    images = {one.name: f"sha256:{one.name:0<64}" for one in services}
    secrets = {"BACKUP_NOTICE": "BACKUP_NOTICE.1"}
    release = replace(RELEASE, services=services, images=images, secrets=secrets)
    told = job_schedule.configs(LONG, release)
    (times, (labels, content)), (notice, (_, tell)) = sorted(told.items())
    assert (len(times), len(notice)) == (62, 56)
    assert labels["slipway.hours"] == ",3," and labels["slipway.weekdays"] == ",0,1,2,3,4,5,6,"
    digest = json.loads(content)["services"]["digest"]
    assert digest["deploy"]["labels"]["slipway.scheduled"] == "yes"
    assert digest["environment"]["RELEASE"] == str(release.number)
    post = json.loads(tell)["services"]["notice"]
    assert post["environment"]["TEXT"] == "${SLIPWAY_TEXT}"
    assert [one["source"] for one in post["secrets"]] == ["BACKUP_NOTICE.1"]
    assert job_schedule.configs(LONG, replace(release, number=9)).keys() != told.keys()
    assert job_schedule.configs(LONG, release).keys() == told.keys()
    without = replace(release, secrets={})
    assert [name for name in job_schedule.configs(LONG, without) if "notice" in name] == []


def test_a_status_tells_what_is_next_what_failed_and_what_was_missed() -> None:
    now = int(datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp())
    fields = {"key": "k1", "name": "digest", "expression": "15 3 * * *", "job": "a"}
    timer = {f"slipway.{k}": v for k, v in fields.items()} | {"slipway.since": str(now - 90000)}
    began = {"slipway.fired": "k1", "slipway.at": str(now - 31500)}  # at 3:15
    ended = {"slipway.ran": "k1", "slipway.state": "failed", "slipway.reason": "non-zero exit (4)"}
    ended |= {"slipway.began": str(now - 31500), "slipway.ended": str(now - 31440)}

    def seen(**configs: dict[str, str]) -> JobRun:
        observed = replace(running(), now=now, services=(), configs={"a.job.k1": timer, **configs})
        (run,) = job_status.read(FakeHost("m1"), observed, "a")
        return run

    due = "2026-12-01T03:15:00Z"
    assert seen() == JobRun("digest", "not yet", next=due, missed="2026-11-30T03:15:00Z")
    run = seen(fired=began, ran=ended)
    assert (run.state, run.code, run.seconds, run.began) == (
        "failed",
        4,
        60,
        "2026-11-30T03:15:00Z",
    )
    assert run.missed == ""
    (problem,) = job_status.problems(ENV, [run, replace(run, next="")])
    assert problem.startswith(
        "the job digest failed at 2026-11-30T03:15:00Z: non-zero exit (4); its"
    )
