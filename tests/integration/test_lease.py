"""The lease in the real Swarm: one holder at a time; it expires when silent."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from slipway.cluster import lease
from slipway.cluster.lease import Lease, LeaseTiming
from slipway.errors import Busy, SlipwayError
from slipway.hosts.host import Dialogue
from slipway.hosts.local import LocalHost
from slipway.project import ROOT
from tests.integration.docker_sandbox import DockerSandbox

pytestmark = pytest.mark.engine
QUICK = LeaseTiming(beat=0.3, expiry=3)


class HostOfCommands(LocalHost):
    """A host whose engine is not reached by its API: each change is a command."""

    @contextlib.contextmanager
    def dial(self, argv: Sequence[str], *, timeout: float) -> Iterator[Dialogue]:
        with super().dial(["false"], timeout=timeout) as dialogue:
            yield dialogue


@pytest.fixture(params=[LocalHost, HostOfCommands], ids=["api", "commands"])
def either(manager: LocalHost, request: pytest.FixtureRequest) -> LocalHost:
    """The manager, spoken with in both ways."""
    kind: type[LocalHost] = request.param
    return kind(manager.name)


def wait_until_lost(held: Lease) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        held.check()
        time.sleep(0.1)


def leave_behind(corner: DockerSandbox, age: int) -> None:
    """Make a lease as a holder on another computer leaves it that loses its power."""
    at = int(time.time()) - age
    labels = {"app": corner.app, "token": "bob", "owner": "bob@desk", "reason": "deploy of b"}
    labels |= {"at": str(at), "process": "elsewhere:1:1"}
    words = [
        word for key, value in labels.items() for word in ("--label", f"slipway.{key}={value}")
    ]
    corner.docker("config", "create", *words, f"{corner.app}.lease", __file__)


def test_a_second_taker_is_told_who_holds_it_and_why(
    either: LocalHost, corner: DockerSandbox
) -> None:
    sentence = rf"changed by {lease.owner()} \(deploy of abc, for \d s\)"
    with lease.hold(either, corner.app, "deploy of abc"), pytest.raises(Busy, match=sentence):
        lease.acquire(either, corner.app, "another")
    assert corner.names("config") == []
    lease.acquire(either, corner.app, "another").release()


def test_of_many_who_take_it_at_once_one_gets_it(manager: LocalHost, corner: DockerSandbox) -> None:
    def attempt(number: int) -> Lease | None:
        try:
            return lease.acquire(manager, corner.app, f"attempt {number}")
        except Busy:
            return None

    with ThreadPoolExecutor(4) as pool:
        won = [held for held in pool.map(attempt, range(4)) if held is not None]
    assert len(won) == 1
    won[0].release()


def test_a_failure_in_the_block_is_what_comes_out_of_it(
    manager: LocalHost, corner: DockerSandbox
) -> None:
    held = lease.hold(manager, corner.app, "deploy")
    with pytest.raises(SlipwayError, match="the deploy failed"), held:
        raise SlipwayError("the deploy failed")
    assert corner.names("config") == []


def test_a_holder_that_beats_keeps_it_beyond_its_expiry(
    either: LocalHost, corner: DockerSandbox
) -> None:
    # A heartbeat of somebody before, whose name sorts after every other.
    words = ("--label", f"slipway.app={corner.app}", "--label", f"slipway.beats={corner.app}")
    corner.docker("config", "create", *words, f"{corner.app}.beat.zzzz.1", __file__)
    held = lease.acquire(either, corner.app, "deploy", QUICK)
    time.sleep(QUICK.expiry + 1.5)
    with pytest.raises(Busy):
        lease.acquire(either, corner.app, "another", QUICK)
    held.check()
    assert len([name for name in corner.names("config") if ".beat." in name]) <= 2
    held.release()
    assert corner.names("config") == []


def test_a_holder_that_has_been_silent_is_taken_over(
    manager: LocalHost, corner: DockerSandbox
) -> None:
    leave_behind(corner, age=2)
    with pytest.raises(Busy, match=r"bob@desk \(deploy of b"):
        lease.acquire(manager, corner.app, "mine", QUICK)
    corner.docker("config", "rm", f"{corner.app}.lease")
    leave_behind(corner, age=5)
    lease.acquire(manager, corner.app, "mine", QUICK).release()


def test_a_killed_process_on_this_computer_gives_way_at_once(
    manager: LocalHost, corner: DockerSandbox
) -> None:
    text = (
        "import sys, time; from slipway.cluster import lease; "
        "from slipway.hosts.local import LocalHost; "
        "lease.acquire(LocalHost(), sys.argv[1], 'theirs'); "
        "print('taken', flush=True); time.sleep(60)"
    )
    argv = [sys.executable, "-c", text, corner.app]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"taken\n"
        with pytest.raises(Busy, match="theirs"):
            lease.acquire(manager, corner.app, "mine")
        holder.kill()
    lease.acquire(manager, corner.app, "mine").release()
    assert corner.names("config") == []


def test_a_holder_learns_that_its_lease_was_taken_over(
    manager: LocalHost, corner: DockerSandbox
) -> None:
    held = lease.acquire(manager, corner.app, "deploy", QUICK)
    corner.docker("config", "rm", f"{corner.app}.lease")
    leave_behind(corner, age=0)
    with pytest.raises(SlipwayError, match="was lost; nothing more is changed"):
        wait_until_lost(held)
    held.release()
    assert f"{corner.app}.lease" in corner.names("config"), "it is not ours to give back"


def test_a_holder_that_slept_learns_at_its_next_step_that_the_lease_is_gone(
    manager: LocalHost, corner: DockerSandbox
) -> None:
    held = lease.acquire(manager, corner.app, "deploy", LeaseTiming(beat=60, expiry=60))
    corner.docker("config", "rm", f"{corner.app}.lease")
    held.check()
    held._refreshed -= 300  # as if the lid had been closed for five minutes
    with pytest.raises(SlipwayError, match="was lost"):
        held.check()
    held.release()
