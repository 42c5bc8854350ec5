"""Waiting for something that others do, without asking so often that it slows them down."""

import subprocess
import time
from collections.abc import Callable

import httpx

MINUTES = 60.0
# How long a wait may last says how busy the computer is, so it proves nothing and may be long.
PATIENCE = 10 * MINUTES
FAILED = (httpx.HTTPError, AssertionError, subprocess.SubprocessError)


def wait_until(
    what: str,
    reached: Callable[[], bool],
    seen: Callable[[], object] = str,
    *,
    timeout: float = PATIENCE,
    pause: float = 0.2,
) -> None:
    """Ask until the answer is yes; a question that fails counts as “not yet”.

    A question that costs much is asked less often. `seen` tells what there is instead when the
    time is over.
    """
    deadline = time.monotonic() + timeout
    while True:
        error, began = "", time.monotonic()
        try:
            if reached():
                return
        except FAILED as failure:
            error = str(failure)
        now = time.monotonic()
        if now > deadline:
            raise AssertionError(f"{what}: not within {timeout:.0f} s {error}\n{seen()}")
        time.sleep(max(pause, 2 * (now - began)))
