"""One run at a time for each environment: a lock on this computer, a lease among all of them.

The lock is freed by the system however its process ends. The lease has a name of its own, so
that a runbook may call `inv deploy`, which takes the environment's.
"""

import contextlib
import datetime
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.environments.environment import Environment
from slipway.errors import Busy, HostError, SlipwayError
from slipway.notebook.document import CHECKING, Action, Cell
from slipway.notebook.records.record import RUNS, Record
from slipway.notebook.runs.interfaces import Display

if TYPE_CHECKING:
    from slipway.cluster.lease import Lease
    from slipway.machines.connect import Cluster

    Connect = Callable[[Environment], AbstractContextManager[Cluster]]


class RunLock:
    """The lock of one run: taken late, so that looking never waits; the stack releases it."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        env: Environment | None,
        record: Record,
        user: str,
        display: Display,
    ) -> None:
        self._stack = stack
        self._env = env
        self._record = record
        self._user = user
        self._display = display
        self._lock: LeaseLock | None = None

    def advance_to(self, action: Action) -> None:
        """Publish where the run is; lock before the first action that may change something."""
        if self._env is None:
            return
        if self._lock is not None:
            self._lock.check()
            self._lock.publish(action.id)
        elif not only_looks(action):
            self._lock = self._acquire(self._env, action)

    def _acquire(self, env: Environment, action: Action) -> "LeaseLock":
        record = self._record
        runbook = str(record.begin["runbook"])
        locked = hold(env.name, runbook, record.id, self._user, record.folder.parent)
        lock = self._stack.enter_context(locked)
        lock.publish(action.id)
        if note := lock.acquire_lease(env):
            record.append("note", text=note)
            self._display.note(note, loud=True)
        return lock


def only_looks(action: Action) -> bool:
    """Whether an action leaves everything as it is; a step by hand before the start does."""
    return action.is_check if isinstance(action, Cell) else action.section in CHECKING


class LeaseLock:
    """An environment that this run has for itself."""

    def __init__(self, fd: int | None, holder: Mapping[str, str]) -> None:
        self._fd = fd
        self._holder = dict(holder)
        self._stack = contextlib.ExitStack()
        self.lease: Lease | None = None
        self._has_asked = False
        self._env_name = ""
        self.publish("")

    def publish(self, cell: str) -> None:
        """Let others see where the run is."""
        self._holder["cell"] = cell
        if self._fd is not None:
            with contextlib.suppress(OSError):  # only a second run that is refused shows it
                _write(self._fd, self._holder)

    def acquire_lease(self, env: Environment, connect: "Connect | None" = None) -> str:
        """Take the lease among all computers, once; return why that could not be, or "".

        Raises Busy when a run on another computer holds it.
        """
        if self._has_asked or env.is_local:
            return ""
        self._has_asked = True
        self._env_name = env.name
        from slipway.cluster import lease
        from slipway.machines import connect as machines_connect

        at = f", cell {self._holder['cell']}" if self._holder["cell"] else ""
        reason = f"runbook {self._holder['runbook']}{at}"
        try:
            connection = connect(env) if connect else machines_connect.connected(env, lenient=True)
            cluster = self._stack.enter_context(connection)
            held = lease.hold(cluster.manager, f"{env.prefix}-runbook", reason)
            self.lease = self._stack.enter_context(held)
        except Busy:
            self._stack.close()
            raise
        except SlipwayError as error:
            self._stack.close()
            return f"a run on another computer would not be noticed: {error}"
        return ""

    def check(self) -> None:
        """Raise SlipwayError when a run elsewhere has taken the lease over meanwhile."""
        if self.lease is None:
            return
        from slipway.machines import inventory

        try:
            self.lease.check()
        except HostError:  # no answer, or no Swarm any more
            if inventory.load(self._env_name):
                raise
            self.lease = None  # the run itself has given the machines back, the lease with them

    def release(self) -> None:
        """Let others have the environment; the system does it for a process that dies."""
        try:
            self._stack.close()
        finally:
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None


@contextlib.contextmanager
def hold(env: str, runbook: str, run: str, user: str, folder: Path = RUNS) -> Iterator[LeaseLock]:
    """Lock an environment for a block. Raises Busy with who has it, since when, at which cell.

    Without an environment there is nothing to lock, and everybody may run.
    """
    fd = _acquire(env, folder) if env else None
    since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    holder = {"user": user, "since": since, "runbook": runbook, "run": run, "cell": ""}
    lock = LeaseLock(fd, holder)
    try:
        yield lock
    finally:
        lock.release()


def _acquire(env: str, folder: Path) -> int:
    path = folder / f"{re.sub(r'[^a-z0-9-]', '_', env)}.claim"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SlipwayError(f"{path} cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = _read(fd)
        os.close(fd)
        if not isinstance(error, BlockingIOError):
            raise SlipwayError(f"{path} cannot be locked: {error.strerror}") from None
        raise Busy(_describe(env, holder)) from None
    return fd


def _describe(env: str, holder: Mapping[str, str]) -> str:
    if not holder:
        return f"another run holds the lock of {env}. Nothing was run; retry when it has ended"
    since = ""
    with contextlib.suppress(KeyError, ValueError):
        moment = datetime.datetime.fromisoformat(holder["since"]).astimezone()
        since = f" since {moment:%H:%M}"
    at = f", at cell {holder['cell']}" if holder.get("cell") else ""
    return (
        f"{holder.get('user', 'someone')} runs {holder.get('runbook', 'a runbook')} on {env}"
        f"{since}{at}. Nothing was run; retry when it has ended"
    )


def _write(fd: int, holder: Mapping[str, str]) -> None:
    data = json.dumps(holder).encode()
    os.pwrite(fd, data, 0)
    os.ftruncate(fd, len(data))


def _read(fd: int) -> dict[str, str]:
    """Read what the holder wrote; nothing when it is just writing."""
    try:
        holder = json.loads(os.pread(fd, 10_000, 0))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in holder.items()} if isinstance(holder, dict) else {}
