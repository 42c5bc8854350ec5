"""The programs that PostgreSQL brings, run as children that never outlive this process."""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from slipway import child_environment

# The kernel ends the child with the thread that started it, also after kill -9 (prctl(2)). One
# whose parent is gone before that is agreed would never be ended: it does not begin.
WITH_PARENT = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"'),
)
LONGEST_REASON = 300
# The server's own reason stands in a line of its own.
SERVER = re.compile(r"\b(?:(?:FATAL|ERROR):\s+|Error message from server: )(?!FATAL|ERROR)(.+)")
NO_ROOM = (
    "the server has no room for as many locks as there are tables; raise "
    "max_locks_per_transaction (compose/slipway.yml: services.db.command) and deploy"
)
MEANINGS = {
    "max_locks_per_transaction": NO_ROOM,
    "out of shared memory": NO_ROOM,
    "due to lock timeout": "a table stayed locked for too long; run this again when that has ended",
}


def bound_to(parent: int, argv: Sequence[str]) -> list[str]:
    """Return the command that runs another one for as long as this parent of it lives."""
    return [*WITH_PARENT, str(parent), *argv]


@contextlib.contextmanager
def started(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.PIPE,
    pass_fds: Sequence[int] = (),
) -> "Iterator[subprocess.Popen[bytes]]":
    """Start a child for a block; it is ended with the block, and by the kernel with this process.

    Start children from the main thread: it is the thread that counts.
    """
    process = subprocess.Popen(
        bound_to(os.getpid(), argv),
        env=child_environment.made(argv[0], os.environ if env is None else env),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=pass_fds,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def reason_in(lines: Sequence[str]) -> str:
    """Choose from what a program wrote to stderr the reason why it failed."""
    text = "\n".join(lines)
    for sign, meaning in MEANINGS.items():
        if sign in text:
            return meaning
    error = next((line for line in lines if "error:" in line), lines[-1] if lines else "")
    reason = error.partition("error: ")[2] or error
    reasons = [match[1].strip() for line in lines if (match := SERVER.search(line))]
    if reasons and reasons[0] not in reason:
        reason = f"{reason.rstrip('.')}: {reasons[0]}"
    return reason[:LONGEST_REASON]
