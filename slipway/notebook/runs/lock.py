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

from slipway.errors import Busy, SlipwayError
from slipway.notebook.records.record import RUNS

if TYPE_CHECKING:
    from slipway.cluster.lease import Lease
    from slipway.environments.environment import Environment
    from slipway.machines.connect import Cluster

    Connect = Callable[[Environment], AbstractContextManager[Cluster]]


class LeaseLock:
    """An environment that this run has for itself."""

    def __init__(self, fd: int | None, said: Mapping[str, str]) -> None:
        self._fd = fd
        self._said = dict(said)
        self._stack = contextlib.ExitStack()
        self._lease: Lease | None = None
        self._has_asked = False
        self.at("")

    def at(self, cell: str) -> None:
        """Let others see where the run is."""
        self._said["cell"] = cell
        if self._fd is not None:
            with contextlib.suppress(OSError):  # it is only what a second run is told
                _write(self._fd, self._said)

    def reach(self, env: "Environment", connect: "Connect | None" = None) -> str:
        """Take the lease among all computers, once; return why that could not be, or "".

        Raises Busy when a run on another computer holds it.
        """
        if self._has_asked or env.is_local:
            return ""
        self._has_asked = True
        from slipway.cluster import lease
        from slipway.machines import connect as machines_connect

        at = f", cell {self._said['cell']}" if self._said["cell"] else ""
        reason = f"runbook {self._said['runbook']}{at}"
        try:
            reached = connect(env) if connect else machines_connect.connected(env, lenient=True)
            cluster = self._stack.enter_context(reached)
            held = lease.held(cluster.manager, f"{env.prefix}-runbook", reason)
            self._lease = self._stack.enter_context(held)
        except Busy:
            self._stack.close()
            raise
        except SlipwayError as error:
            self._stack.close()
            return f"a run on another computer would not be noticed: {error}"
        return ""

    def check(self) -> None:
        """Raise SlipwayError when a run elsewhere has taken the lease over meanwhile."""
        if self._lease is not None:
            self._lease.check()

    def give_back(self) -> None:
        """Let others have the environment; the system does it for a process that dies."""
        try:
            self._stack.close()
        finally:
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None


@contextlib.contextmanager
def claim(env: str, runbook: str, run: str, user: str, folder: Path = RUNS) -> Iterator[LeaseLock]:
    """Have an environment for a block. Raises Busy with who has it, since when, at which cell.

    Without an environment there is nothing to be had, and everybody may go on.
    """
    fd = _take(env, folder) if env else None
    since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    said = {"user": user, "since": since, "runbook": runbook, "run": run, "cell": ""}
    mine = LeaseLock(fd, said)
    try:
        yield mine
    finally:
        mine.give_back()


def _take(env: str, folder: Path) -> int:
    path = folder / f"{re.sub(r'[^a-z0-9-]', '_', env)}.claim"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SlipwayError(f"{path} cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        said = _read(fd)
        os.close(fd)
        if not isinstance(error, BlockingIOError):
            raise SlipwayError(f"{path} cannot be locked: {error.strerror}") from None
        raise Busy(_sentence(env, said)) from None
    return fd


def _sentence(env: str, said: Mapping[str, str]) -> str:
    if not said:
        return f"another run works on {env}. Nothing was run; try again when it is done"
    since = ""
    with contextlib.suppress(KeyError, ValueError):
        moment = datetime.datetime.fromisoformat(said["since"]).astimezone()
        since = f" since {moment:%H:%M}"
    at = f", at cell {said['cell']}" if said.get("cell") else ""
    return (
        f"{said.get('user', 'somebody')} runs {said.get('runbook', 'a runbook')} on {env}{since}"
        f"{at}. Nothing was run; try again when it is done"
    )


def _write(fd: int, said: Mapping[str, str]) -> None:
    data = json.dumps(said).encode()
    os.pwrite(fd, data, 0)
    os.ftruncate(fd, len(data))


def _read(fd: int) -> dict[str, str]:
    """Read what the holder wrote; nothing when it is just writing."""
    try:
        found = json.loads(os.pread(fd, 10_000, 0))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
