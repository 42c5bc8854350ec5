"""Canaries on three machines under load: held, taken back, aborted, and left by a killed deploy."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e import rig
from tests.e2e.checkout import Checkout, RunningCommand
from tests.e2e.rig import Rig
from tests.load.running import Load, load
from tests.soak.rows import Rows
from tests.soak.test_deploys import change
from tests.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
ENV = f"--env={rig.ENV}"
RATE = 20.0  # requests a second on each machine
BOUND = 60.0  # seconds after which an edge ends what nobody renews
LAB = "compose/api/logbook/routes/lab.py"
MEETS = "of the visitors meet"
EDGE = "docker ps --quiet --filter label=slipway.service=edge"


@pytest.fixture(scope="module")
def three(project: Checkout) -> Rig:
    return rig.deployed(project)


@contextmanager
def measured(three: Rig, rows: Rows, records: Path, what: str) -> Iterator[tuple[Load, list[str]]]:
    """Make load while a block runs; what the block says of it stands in a row of the page."""
    with rows.measure(f"canary under load: {what}", "3 machines") as row:
        words: list[str] = []
        with load(three.urls, records, rate=RATE, after=100) as made:
            yield made, words
        count = len(made.run.records)
        row.result = "; ".join([f"{made.failed} of {count} requests failed", *words])


def release_of(three: Rig) -> str:
    (release,) = three.releases()
    return release


def begin(three: Rig, words: str, hold: str = "5m") -> RunningCommand:
    """Start a deploy with a canary, and go on when visitors meet it."""
    change(three.checkout, words)
    running = three.checkout.begin("deploy", ENV, "--canary=20", f"--hold={hold}")
    running.wait_for(MEETS)
    return running


def share(made: Load, release: str, since: float, until: float) -> float:
    """Return which share of the answers begun in a time was of a release."""
    each = [r.release for r in made.run.records if since < r.began < until and r.release]
    return each.count(release) / len(each)


def test_a_canary_that_is_well_goes_on_by_itself(three: Rig, rows: Rows, tmp_path: Path) -> None:
    old = release_of(three)
    with measured(three, rows, tmp_path / "records.tsv", "held for 20 s") as (made, _):
        running = begin(three, "held", "20s")
        began = time.monotonic()
        time.sleep(15)
        held = time.monotonic()
        text = running.wait().expect().text
        ended = time.monotonic()
    new = release_of(three)
    assert made.failed == 0, made.run.summary()
    assert 0.12 < share(made, new, began, held) < 0.28
    assert made.run.releases() == {old, new} and made.run.releases(since=ended) == {new}
    assert "held for 20 s; " in text and f"; in {colour_before(three)} " in text
    listed = three.checkout.inv("releases", ENV, "--json").expect().json
    assert "canary of 20 %, held for 20 s" in listed[0]["changed"]


def colour_before(three: Rig) -> str:
    live = three.checkout.inv("status", ENV, "--json").expect().json["live"]
    return {"blue": "green", "green": "blue"}[live["colour"]]


def test_a_canary_whose_answers_fail_goes_back_and_few_have_met_it(
    three: Rig, rows: Rows, tmp_path: Path
) -> None:
    old, clone = release_of(three), three.checkout
    good = clone.git("rev-parse", "HEAD")
    with measured(three, rows, tmp_path / "records.tsv", "a bad release") as (made, _):
        raising = "raise RuntimeError('the ink is gone')\n    kind = request"
        clone.replace(LAB, "kind = request", raising)
        running = begin(three, "bad")
        text = running.wait().expect(4).text
        ended = time.monotonic()
    clone.restore(good)
    assert f"more requests fail than in {colour_of(three)}: " in text and "the ink is gone" in text
    assert {each.status for each in made.run.failed} == {500}
    assert made.failed < 0.2 * len(made.run.records)
    assert [each for each in made.run.failed if each.began > ended] == []
    assert release_of(three) == old


def lead(three: Rig, path: str) -> None:
    """Add a route that nobody had before."""
    routes = three.checkout.path("compose/routes.yml")
    before = routes.read_text() if routes.is_file() else "routes:\n"
    routes.write_text(f"{before}  - {{path: {path}, redirect: /api/version, status: 302}}\n")


def met_at(three: Rig, path: str, whom: str) -> list[int]:
    """Return what each edge answers a tester; 0 of one that is away."""

    def ask(url: str) -> int:
        try:
            return httpx.get(f"{url}{path}", headers={"X-Canary": whom}).status_code
        except httpx.TransportError:
            return 0

    return [ask(url) for url in three.urls]


def test_a_canary_has_routes_of_its_own_and_edges_that_load_them_refuse_nobody(
    three: Rig, rows: Rows, tmp_path: Path
) -> None:
    old = release_of(three)
    what = "other routes, held for 20 s"
    with measured(three, rows, tmp_path / "records.tsv", what) as (made, _):
        lead(three, "/fresh")
        running = begin(three, "other routes", "20s")
        began = time.monotonic()
        assert met_at(three, "/fresh", "always") == [302] * 3
        assert met_at(three, "/fresh", "never") == [404] * 3
        status = three.checkout.inv("status", ENV, "--json").expect().json
        assert status["problems"] == [] and status["canary"]["share"] == 20
        time.sleep(max(0, began + 15 - time.monotonic()))
        held = time.monotonic()
        running.wait().expect()
        ended = time.monotonic()
    new = release_of(three)
    assert made.failed == 0, made.run.summary()
    assert 0.12 < share(made, new, began, held) < 0.28
    assert made.run.releases() == {old, new} and made.run.releases(since=ended) == {new}
    assert met_at(three, "/fresh", "never") == [302] * 3


def test_an_edge_that_restarts_has_the_canary_s_routes_again_and_all_lose_them_at_abort(
    three: Rig,
) -> None:
    old = release_of(three)
    lead(three, "/fresher")
    running = begin(three, "an edge restarts")
    three.on("m2", "sh", "-c", f"docker kill $({EDGE})")
    wait_until("all have it", lambda: met_at(three, "/fresher", "always") == [302] * 3)
    three.checkout.inv("deploy", ENV, "--abort").expect()
    running.wait().expect(4)
    assert met_at(three, "/fresher", "always") == [404] * 3 and release_of(three) == old
    assert three.checkout.inv("status", ENV, "--json").expect().json["problems"] == []


def colour_of(three: Rig) -> str:
    return str(three.checkout.inv("status", ENV, "--json").expect().json["live"]["colour"])


def test_another_terminal_sees_a_canary_and_aborts_it(
    three: Rig, rows: Rows, tmp_path: Path
) -> None:
    old, clone = release_of(three), three.checkout
    clone.inv("deploy", ENV, "--abort").expect(3)
    with measured(three, rows, tmp_path / "records.tsv", "aborted") as (made, words):
        running = begin(three, "aborted")
        status = clone.inv("status", ENV, "--json").expect().json
        assert status["canary"]["share"] == 20 and "canary: 20 %" in status["notes"][0]
        assert status["problems"] == []
        assert "canary: 20 % of" in clone.inv("lease.show", ENV).expect().out
        assert clone.inv("releases", ENV, "--json").expect().json[0]["state"] == "canary"
        tester = httpx.get(f"{three.urls[0]}/api/version", headers={"X-Canary": "always"})
        assert int(tester.json()["release"]) == status["canary"]["release"]
        clone.inv("deploy", ENV, "--abort").expect()
        asked = time.monotonic()
        text = running.wait().expect(4).text
        words.append(f"back {time.monotonic() - asked:.0f} s after --abort")
    assert "aborted the canary after" in text and f"release {old} " in text
    assert made.failed == 0, made.run.summary()
    assert release_of(three) == old
    assert "no canary runs in staging" in clone.inv("deploy", ENV, "--promote").expect(3).text


@pytest.mark.parametrize("is_waited_for", [True, False], ids=["by itself", "by the next deploy"])
def test_a_canary_of_a_deploy_that_was_killed_ends(
    three: Rig, rows: Rows, tmp_path: Path, is_waited_for: bool
) -> None:
    old = release_of(three)
    what = f"its deploy killed, ended {'by itself' if is_waited_for else 'by the next deploy'}"
    with measured(three, rows, tmp_path / "records.tsv", what) as (made, words):
        running = begin(three, f"killed {is_waited_for}")
        (release,) = meeting(three) - {old}
        time.sleep(20)  # it was renewed
        running.kill()
        killed = time.monotonic()
        if is_waited_for:
            wait_until("the edges end it", lambda: meeting(three) == {old})
            words.append(f"over {time.monotonic() - killed:.0f} s after the kill")
            assert time.monotonic() - killed < BOUND + 5
            status = three.checkout.inv("status", ENV, "--json").expect().json
            assert status["canary"] is None and status["live"]["release"] == int(old)
        three.deploy()
        ended = time.monotonic()
    new = release_of(three)
    assert made.failed == 0, made.run.summary()
    assert made.run.releases(since=ended) == {new} and int(new) >= int(release)
    assert three.checkout.inv("status", ENV, "--json").expect().json["problems"] == []


def meeting(three: Rig) -> set[str]:
    """Return what testers meet."""
    answers = [
        httpx.get(f"{url}/api/version", headers={"X-Canary": "always"}, timeout=10)
        for url in three.urls
    ]
    return {answer.json()["release"] for answer in answers}
