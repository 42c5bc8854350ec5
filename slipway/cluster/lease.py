"""The lease: one change at a time per environment, held in Raft with a heartbeat.

Creating a Docker config fails when its name is taken, on every manager alike: that is the lock.
A heartbeat is one more config next to it. A holder that died is silent, and after a minute of
silence its lease may be taken over.
"""

import contextlib
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from slipway import errors, shell_scripts
from slipway.cluster import process
from slipway.cluster.observed import LEADERLESS
from slipway.errors import Busy, CommandFailed, Refused, SlipwayError
from slipway.hosts import person
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script

ATTEMPTS = 5

READ = shell_scripts.read(__file__, "lease_read.sh")
ACQUIRE = shell_scripts.read(__file__, "lease_acquire.sh") + READ
REFRESH = shell_scripts.read(__file__, "lease_refresh.sh")
RELEASE = shell_scripts.read(__file__, "lease_release.sh")


@dataclass(frozen=True)
class LeaseTiming:
    """Seconds between two heartbeats, of silence after which a holder counts as dead, and to wait
    where the managers are about to elect a leader."""

    beat: float = 15.0
    expiry: float = 60.0
    election: float = 2.0


PACE = LeaseTiming()


@dataclass(frozen=True)
class LeaseHolder:
    """Who holds a lease, as the manager's store says; ages are in seconds of its clock."""

    id: str
    owner: str
    reason: str
    age: int
    silence: int
    process: str = ""

    def is_gone(self, expiry: float) -> bool:
        """Whether nobody holds it any more: silent for too long, or ended on this computer."""
        return self.silence > expiry or process.is_dead(self.process)


class Lease:
    """A lease that is held; it is refreshed until it is released."""

    def __init__(self, manager: Host, app: str, token: str, pace: LeaseTiming = PACE) -> None:
        self._manager = manager
        self._app = app
        self._token = token
        self._pace = pace
        self._refreshed = time.time()
        self._ended = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._send_heartbeats, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise SlipwayError when another operator has taken the lease over meanwhile."""
        # A computer that slept has missed beats; the wall clock knows, the monotonic one may not.
        if time.time() - self._refreshed > 2 * self._pace.beat:
            self._refresh()
        if self._lost:
            raise SlipwayError(f"the lease on {self._app} was lost; nothing more is changed")

    def release(self) -> None:
        self._ended.set()
        self._thread.join(timeout=self._pace.beat)
        script(self._manager, RELEASE, self._app, self._token, timeout=20)

    def _send_heartbeats(self) -> None:
        while not self._ended.wait(self._pace.beat):
            # A beat that fails is tried again; the lease outlives several.
            with contextlib.suppress(SlipwayError):
                self._refresh()

    def _refresh(self) -> None:
        result = script(self._manager, REFRESH, self._app, self._token, timeout=15)
        self._lost = self._lost or "lost" in result.out
        self._refreshed = time.time()


@contextlib.contextmanager
def hold(manager: Host, app: str, reason: str) -> Iterator[Lease]:
    """Hold the lease for a block. Raises Busy with owner, reason and age of the other one,
    Refused where it cannot be written."""
    lease = acquire(manager, app, reason)
    try:
        yield lease
    finally:
        # What could not be released expires by itself, and must not hide the block's own error.
        with contextlib.suppress(SlipwayError):
            lease.release()


def acquire(manager: Host, app: str, reason: str, pace: LeaseTiming = PACE) -> Lease:
    """Acquire the lease, also from a holder that has been silent for too long.

    Raises Busy, or Refused where it cannot be written.
    """
    token = secrets.token_hex(4)
    words = (app, token, owner(), reason, process.name())
    for attempt in range(1, ATTEMPTS + 1):
        try:
            lines = script(manager, ACQUIRE, *words, timeout=20).out.splitlines() or [""]
        except CommandFailed as error:
            is_leaderless = any(sign in error.stderr for sign in LEADERLESS)
            if attempt == ATTEMPTS or not is_leaderless:
                raise _cannot_write(error, app) from error
            time.sleep(pace.election)
            continue
        if lines[0] == "taken":
            return Lease(manager, app, token, pace)
        with reading(manager.name, f"the lease on {app}"):
            holder = parse(lines)
        if holder is None:
            continue  # released between the two commands
        if not holder.is_gone(pace.expiry):
            raise Busy(
                f"{app} is being changed by {holder.owner} ({holder.reason}, for {holder.age} s). "
                "Nothing was changed; retry when it is done"
            )
        # By id: of two who take over at once, one finds it gone and meets the other's lease.
        manager.run(["docker", "config", "rm", holder.id], timeout=20, check=False)
    raise Busy(f"the lease on {app} changes hands too fast; retry")


def _cannot_write(error: CommandFailed, app: str) -> Refused:
    why = errors.reason(error.stderr)
    return Refused(
        f"{error.host}: the lease on {app} cannot be written: {why}. Nothing was changed"
    )


def holder_of(manager: Host, app: str) -> LeaseHolder | None:
    """Return who is changing an environment; None where nobody is."""
    lines = script(manager, READ, app, timeout=20).out.splitlines()
    with reading(manager.name, f"the lease on {app}"):
        holder = parse(lines)
    return None if holder is None or holder.is_gone(PACE.expiry) else holder


def parse(lines: list[str]) -> LeaseHolder | None:
    """Read the holder from what READ prints: the clock, the lease as JSON, the beats."""
    now = int(lines[0])
    if len(lines) < 2 or not lines[1].startswith("{"):
        return None
    document = json.loads(lines[1])
    labels = document["Spec"]["Labels"]
    start = int(labels["slipway.at"])
    mine = [name for name in lines[2:] if f".beat.{labels['slipway.token']}." in name]
    last = max([start, *(int(name.rpartition(".")[2]) for name in mine)])
    owner, reason = str(labels["slipway.owner"]), str(labels["slipway.reason"])
    named = str(labels.get("slipway.process", ""))
    return LeaseHolder(str(document["ID"]), owner, reason, now - start, now - last, named)


def owner() -> str:
    """Return who and where we are: `anna@laptop`."""
    return f"{person.user()}@{socket.gethostname()}"
