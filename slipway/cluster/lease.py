"""The lease: one change at a time per environment, held in Raft with a heartbeat.

Creating a Docker config fails when its name is taken, on every manager alike: that is the lock.
A heartbeat is one more config next to it. A holder that died is silent, and after a minute of
silence its lease may be taken over.
"""

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from slipway import errors, shell_scripts
from slipway.cluster import lease_api, lease_holder, process
from slipway.cluster.engine_api import FAILURES
from slipway.cluster.lease_holder import LeaseHolder
from slipway.cluster.observed import LEADERLESS
from slipway.errors import Busy, CommandFailed, Refused, SlipwayError
from slipway.hosts import person
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script
from slipway.progress import SILENT, Reporter

ATTEMPTS = 5
AGAIN = 2.0  # seconds between two looks at a lease that is waited for

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

    @property
    def token(self) -> str:
        """What tells this lease from every other one."""
        return self._token

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
        try:
            lease_api.release(self._manager, self._app, self._token)
        except FAILURES:
            script(self._manager, RELEASE, self._app, self._token, timeout=20)

    def _send_heartbeats(self) -> None:
        while not self._ended.wait(self._pace.beat):
            # A beat that fails is tried again; the lease outlives several.
            with contextlib.suppress(SlipwayError):
                self._refresh()

    def _refresh(self) -> None:
        try:
            is_ours = lease_api.refresh(self._manager, self._app, self._token)
        except FAILURES:
            result = script(self._manager, REFRESH, self._app, self._token, timeout=15)
            is_ours = "lost" not in result.out
        self._lost = self._lost or not is_ours
        self._refreshed = time.time()


@contextlib.contextmanager
def hold(
    manager: Host, app: str, reason: str, reporter: Reporter = SILENT, patience: float = 0
) -> Iterator[Lease]:
    """Hold the lease for a block; wait for another one's end for `patience` seconds.

    Raises Busy with owner, reason and age of the other one, Refused where it cannot be written.
    """
    lease = _acquire_patiently(manager, app, reason, reporter, patience)
    try:
        yield lease
    finally:
        # What could not be released expires by itself, and must not hide the block's own error.
        with contextlib.suppress(SlipwayError):
            lease.release()


def _acquire_patiently(
    manager: Host, app: str, reason: str, reporter: Reporter, patience: float
) -> Lease:
    """Ask again until nobody changes it; what a person holds is not waited for."""
    until = time.monotonic() + patience
    waited_for = ""
    while True:
        try:
            return acquire(manager, app, reason)
        except Busy:
            holder = holder_of(manager, app)
            if time.monotonic() > until or (holder and holder.is_held):
                raise
        if holder and holder.owner + holder.reason != waited_for:
            waited_for = holder.owner + holder.reason
            reporter.note(f"waiting for {holder.owner} ({holder.reason})")
        time.sleep(AGAIN)


def hold_by_hand(manager: Host, app: str, reason: str) -> None:
    """Hold the lease until a person releases it. Raises Busy where another one is held."""
    _take(manager, app, secrets.token_hex(4), reason, PACE, is_held=True)


def release_by_hand(manager: Host, app: str) -> LeaseHolder | None:
    """Release what was held by hand; return who had held it, None where nobody did.

    Raises Busy for the lease of a change under way, which ends with it.
    """
    lines = script(manager, READ, app, timeout=20).out.splitlines()
    with reading(manager.name, f"the lease on {app}"):
        holder = lease_holder.parse(lines)
    if holder is None:
        return None
    if not holder.is_held and not holder.is_gone(PACE.expiry):
        raise Busy(
            f"{holder.describe(app)}. That ends by itself, or a minute after whoever does it is "
            "gone; nothing was released"
        )
    manager.run(["docker", "config", "rm", holder.id], timeout=20)
    return holder


def acquire(manager: Host, app: str, reason: str, pace: LeaseTiming = PACE) -> Lease:
    """Acquire the lease, also from a holder that has been silent for too long.

    Raises Busy, or Refused where it cannot be written.
    """
    token = secrets.token_hex(4)
    _take(manager, app, token, reason, pace)
    return Lease(manager, app, token, pace)


def _take(
    manager: Host, app: str, token: str, reason: str, pace: LeaseTiming, *, is_held: bool = False
) -> None:
    held = "yes" if is_held else ""
    words = (app, token, owner(), reason, process.name(), held)
    names = ("app", "token", "owner", "reason", "process", "held")
    labels = {f"slipway.{name}": word for name, word in zip(names, words, strict=True)}
    with contextlib.suppress(*FAILURES):  # the script says who holds it, or what is wrong
        lease_api.acquire(manager, app, labels)
        return
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
            return
        with reading(manager.name, f"the lease on {app}"):
            holder = lease_holder.parse(lines)
        if holder is None:
            continue  # released between the two commands
        if not holder.is_gone(pace.expiry):
            how = "retry when it is done"
            if holder.is_held:
                how = "to release it: inv lease.release"
            raise Busy(f"{holder.describe(app)}. Nothing was changed; {how}")
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
        holder = lease_holder.parse(lines)
    return None if holder is None or holder.is_gone(PACE.expiry) else holder


def owner() -> str:
    """Return who and where we are: `anna@laptop`."""
    return f"{person.user()}@{socket.gethostname()}"
