"""Deploys to three machines that are disturbed: by each other, by clocks, networks and reboots."""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import httpx
import pytest

from tests.e2e import rig
from tests.e2e.checkout import Checkout, docker
from tests.e2e.rig import ENV, Rig
from tests.load.record import Record
from tests.load.running import Load, load
from tests.soak.rows import Rows
from tests.soak.test_deploys import change
from tests.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
STAGING = f"--env={ENV}"
RATE = 10.0  # requests a second on each machine: constant, and little beside a deploy
KEPT_WARM = 30  # minutes
OFF_BY = 3600  # seconds
NOTICED = 5  # seconds, by which edges know that a machine is away
CLOCK = Path(__file__).parent / "standins/clock"
# Nothing comes in and nothing goes out, without a word to anybody; what runs inside goes on.
PARTITION = """
nft add table inet cut
for way in input output forward; do
  nft "add chain inet cut $way { type filter hook $way priority -300; policy drop; }"
done
nft add rule inet cut input iif lo accept
nft add rule inet cut output oif lo accept
"""
# Every SSH connection that is open, and not the sshd that takes the next one.
HANG_UP = "pkill -KILL '^sshd-session'"


@pytest.fixture(scope="module")
def three(project: Checkout) -> Rig:
    return rig.deployed(project, impatient=True)


def serving(three: Rig) -> str:
    """Return the release that serves everywhere, once every edge is back."""
    wait_until("one release serves everywhere", lambda: len(three.releases()) == 1)
    (release,) = three.releases()
    return release


def problems(three: Rig) -> list[str]:
    found: list[str] = three.checkout.inv("status", STAGING, "--json").expect().json["problems"]
    return found


@contextlib.contextmanager
def under_load(
    urls: list[str], records: Path, excused: Callable[[Record], bool] | None = None
) -> Iterator[Load]:
    """Send requests for a block; none fails but those that the caller excuses."""
    with load(urls, records, rate=RATE) as traffic:
        yield traffic
    excused = excused or (lambda record: False)
    assert [each for each in traffic.run.failed if not excused(each)] == [], traffic.run.summary()


def clock_off_by(checkout: Checkout, seconds: int) -> Checkout:
    """Return a person whose computer's clock is wrong; the machines' clocks are right."""
    clock = {"PYTHONPATH": str(CLOCK), "CLOCK_OFF_BY": str(seconds)}
    return replace(checkout, variables=clock)


def test_the_clock_of_an_operator_decides_nothing(three: Rig, rows: Rows, tmp_path: Path) -> None:
    right = three.checkout
    ahead, behind = clock_off_by(right, OFF_BY), clock_off_by(right, -OFF_BY)
    right.set(ENV, KEEP_WARM=str(KEPT_WARM))
    with rows.measure("operators' clocks", f"{OFF_BY} s ahead and behind") as row:
        with under_load(three.urls, tmp_path / "records"):
            change(right, "by one ahead")
            first = in_parallel_nobody_else(ahead, (right, behind))
            managers = int(three.on("m1", "date", "+%s"))
            warm = right.inv("status", STAGING, "--json").expect().json["warm"]
            assert 0 < warm["until"] - managers <= KEPT_WARM * 60
            change(right, "by one behind")
            second = in_parallel_nobody_else(behind, (right, ahead))
            assert (first, second, serving(three)) == (second - 1, second, str(second))
            listed = right.inv("releases", STAGING, "--json").expect().json
            assert [each["release"] for each in listed][:2] == [second, first]
            assert listed[0]["state"] == "live"
            text = ahead.inv("rollback", STAGING).expect().text
        assert "take back" in text and serving(three) == str(first)
        assert problems(three) == []
        row.result = "leases, ledger and warm colours are by the managers' clocks"
    right.set(ENV, KEEP_WARM="0")
    right.commit("Keep nothing warm")


def in_parallel_nobody_else(one: Checkout, others: tuple[Checkout, ...]) -> int:
    """Deploy as one, and see the others refused meanwhile; return the release that came of it."""
    running = one.begin("deploy", STAGING, "--json")
    running.wait_for("healthy")
    for other in others:
        refused = other.inv("deploy", STAGING).expect(75).err
        assert "is being changed by" in refused and " h" not in refused.partition("for ")[2][:8]
    return int(running.wait().expect().json["release"])


def test_of_two_operators_the_second_waits_for_the_first(
    three: Rig, rows: Rows, tmp_path: Path
) -> None:
    ada = three.checkout
    grace = replace(ada, root=tmp_path / "grace")
    shutil.copytree(ada.root, grace.root, symlinks=True)
    last = max(each["release"] for each in ada.inv("releases", STAGING, "--json").expect().json)
    change(ada, "Ada's line")
    change(grace, "Grace's line")
    with rows.measure("two deploys at once from two checkouts", "3 machines") as row:
        with under_load(three.urls, tmp_path / "records"):
            first = ada.begin("deploy", STAGING)
            first.wait_for("healthy")
            second = grace.inv("deploy", STAGING, "--wait=10m").expect()
            first.wait().expect()
        assert "waiting for " in second.text
        assert serving(three) == str(last + 2)
        for url in three.urls:
            page = httpx.get(url, timeout=10).text
            assert "Grace's line" in page and "Ada's line" not in page
        assert problems(three) == []
        row.result = "one after the other, 0 requests failed"


def test_connections_that_are_cut_while_a_colour_is_filled_are_made_again(
    three: Rig, rows: Rows, tmp_path: Path
) -> None:
    before = int(serving(three))
    change(three.checkout, "over cut connections")
    with rows.measure("every SSH connection cut in a deploy", "3 machines") as row:
        with under_load(three.urls, tmp_path / "records"):
            running = three.checkout.begin("deploy", STAGING)
            running.wait_for(" healthy")
            for name in three.ports:
                three.on(name, "sh", "-c", HANG_UP)
            running.wait().expect()
        assert serving(three) == str(before + 1)
        assert problems(three) == []
        row.result = "it went on, 0 requests failed"


def test_a_restart_under_load_replaces_one_replica_after_the_other(
    three: Rig, rows: Rows, tmp_path: Path
) -> None:
    wait_until("nothing is wrong", lambda: problems(three) == [])
    watch = Replicas(three, "api")
    urls = [f"{url}/api/version" for url in three.urls]
    with rows.measure("a restart, replica by replica", "3 machines") as row:
        with under_load(urls, tmp_path / "records"), watch:
            done = three.checkout.inv("restart", STAGING, "--service=api").expect()
        row.result = f"in {done.seconds:.0f} s, 0 requests failed"
    count = watch.counts[0]
    assert min(watch.counts) == count >= 2, "an elder goes once its successor is healthy"
    assert len(watch.seen) == 2 * count and max(watch.starting) == 1


class Replicas(threading.Thread):
    """Looks at the replicas of a service for a block: how many run, and how many start at once."""

    def __init__(self, three: Rig, service: str) -> None:
        super().__init__(daemon=True)
        self._three = three
        names = three.on("m1", "docker", "service", "ls", "--format", "{{.Name}}").split()
        (self._name,) = (name for name in names if f"_{service}-" in name)
        self._ended = threading.Event()
        self.counts: list[int] = []
        self.starting: list[int] = []
        self.seen: set[str] = set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        form = ("--filter", "desired-state=running", "--format", "{{.ID}} {{.CurrentState}}")
        while not self._ended.wait(0.1):
            text = self._three.on("m1", "docker", "service", "ps", *form, self._name)
            states = [line.split()[:2] for line in text.splitlines()]
            self.seen |= {task for task, _ in states}
            self.counts.append(sum(state == "Running" for _, state in states))
            self.starting.append(len(states) - self.counts[-1])


@pytest.mark.parametrize("disturbance", ["a partition", "a reboot"])
def test_a_machine_that_is_away_for_a_moment_leaves_the_old_or_the_new_release_everywhere(
    three: Rig, rows: Rows, tmp_path: Path, disturbance: str
) -> None:
    before, name = int(serving(three)), three.spare()
    three.lead_with(name)
    others = [three.url(each) for each in three.ports if each != name]
    change(three.checkout, f"in {disturbance}")
    began = 0.0

    def is_excused(request: Record) -> bool:
        """Whether it came when nobody could know yet that half of the replicas was away."""
        return began - 1 < request.began < began + NOTICED

    with rows.measure(f"{disturbance} while a colour is filled", "3 machines") as row:
        with under_load(others, tmp_path / "records", is_excused) as traffic:
            running = three.checkout.begin("deploy", STAGING)
            running.wait_for(" healthy")
            began = time.monotonic()
            with away(three, name, disturbance):
                ended = running.wait()
            assert ended.code in (0, 4), ended.text
            expected = {str(before + (ended.code == 0))}
            wait_until("it serves as said", lambda: three.releases() == expected)
            three.deploy()
        assert serving(three) == str(before + 1 + (ended.code != 0))
        wait_until("nothing is wrong", lambda: problems(three) == [])
        how = "it was finished" if ended.code == 0 else "it was rolled back, the next one served"
        count = f"{traffic.failed} of {len(traffic.run.records)}"
        row.result = f"{how}; {count} requests on the others failed, begun in the first seconds"


@contextlib.contextmanager
def away(three: Rig, name: str, how: str) -> Iterator[None]:
    """Cut a machine off for a block, or turn it off and on at its beginning."""
    if how == "a reboot":
        docker("restart", "--time", "2", three.container(name))
        yield
        return
    three.on(name, "sh", "-euc", PARTITION)
    try:
        yield
    finally:
        three.on(name, "nft", "delete", "table", "inet", "cut")
        wait_until("it is back", lambda: "Down" not in three.on("m1", "docker", "node", "ls"))
