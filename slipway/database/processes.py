"""The programs that PostgreSQL brings, run as children that never outlive this process."""

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence

# The kernel ends the child with the thread that started it, also after kill -9 (prctl(2)).
WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")


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
        [*WITH_US, *argv],
        env=dict(env) if env is not None else None,
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
