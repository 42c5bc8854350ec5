"""A throw-away PostgreSQL of our own, in the scratch volume: no port, no durability, soon gone."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from slipway.database.connection import MAINTENANCE, NoDatabase, Server
from slipway.database.processes import started
from slipway.errors import Refused, SlipwayError, last_line
from slipway.progress import Reporter

ROOT = Path(os.environ.get("SLIPWAY_SCRATCH", "/var/lib/slipway"))
PREFIX = "server-"
LOCK = "lock"  # held by the process that owns a folder; the kernel lets go of it with the process
USER = "postgres"
START = 60.0
LONGEST_SOCKET = 80  # bytes of a folder; the kernel's limit is 107 with the name of the socket
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "max_connections": "20",
    "max_locks_per_transaction": "1024",
    "shared_buffers": "64MB",
    "maintenance_work_mem": "96MB",
    "max_parallel_maintenance_workers": "0",
    "dynamic_shared_memory_type": "mmap",  # a container's /dev/shm is small
    "autovacuum": "off",
    "logging_collector": "off",
}


@contextlib.contextmanager
def throwaway(reporter: Reporter, root: Path = ROOT, *, listen: str = "") -> Iterator[Server]:
    """Start an empty server for a block; whoever else was killed while using one is tidied up.

    With `listen`, whoever reaches the container may come in.
    """
    with contextlib.ExitStack() as stack:
        folder = _own_folder(stack, reporter, root)
        data = folder / "data"
        _initialise(data)
        if listen:
            (data / "pg_hba.conf").write_text("local all all trust\nhost all all all trust\n")
        settings = SETTINGS | {"listen_addresses": listen}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        options += ["-c", f"unix_socket_directories={folder}", "-c", "unix_socket_permissions=0700"]
        log = folder / "log"
        with log.open("wb") as file:
            argv = [_program("postgres"), "-D", str(data), *options]
            process = stack.enter_context(started(argv, stdout=file.fileno(), stderr=file.fileno()))
        password = folder / "password"
        password.write_text("")  # nobody but us may open the folder of the socket
        server = Server(str(folder), 5432, USER, MAINTENANCE, password)
        _wait(server, process, log)
        yield server


@contextlib.contextmanager
def own_folder(reporter: Reporter, root: Path = ROOT) -> Iterator[Path]:
    """Have a folder for a block; one whose process was killed is removed by the next."""
    with contextlib.ExitStack() as stack:
        yield _own_folder(stack, reporter, root)


def _drop_stale(reporter: Reporter, root: Path) -> None:
    """Remove the servers of processes that are gone."""
    for folder in root.glob(f"{PREFIX}*"):
        with contextlib.suppress(BlockingIOError, FileNotFoundError), _held(folder):
            reporter.note(f"removing {folder}, which an interrupted drill left")
            shutil.rmtree(folder, ignore_errors=True)


def room(root: Path = ROOT) -> int:
    """Return how many bytes the scratch volume still takes."""
    try:
        return shutil.disk_usage(root).free
    except OSError as error:
        raise SlipwayError(f"the scratch volume {root} cannot be used: {error.strerror}") from None


def _own_folder(stack: contextlib.ExitStack, reporter: Reporter, root: Path) -> Path:
    """Make a folder that is ours until the stack ends, and remove those that are nobody's."""
    if len(os.fsencode(root)) > LONGEST_SOCKET:
        raise Refused(f"the path {root} is too long for the socket of a database")
    try:
        with _held(root, wait=True):  # so that nobody takes a new folder for a stale one
            _drop_stale(reporter, root)
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(_held(folder))
    except OSError as error:
        raise SlipwayError(f"the scratch volume {root} cannot be used: {error.strerror}") from None
    return folder


@contextlib.contextmanager
def _held(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder's lock. Raises BlockingIOError when somebody else does, unless it may wait."""
    import fcntl

    descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


def _initialise(data: Path) -> None:
    # The locale of each database in it is its own; this one is for the empty ones it begins with.
    argv = [_program("initdb"), "-D", str(data), "--username", USER, "--auth", "trust"]
    argv += ["--no-sync", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions"]
    with started(argv, stdout=subprocess.DEVNULL) as process:
        _, err = process.communicate(timeout=START)
    if process.returncode != 0:
        raise SlipwayError(f"the throw-away database could not be created: {last_line(err)}")


def _wait(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START
    while True:
        with contextlib.suppress(NoDatabase):
            server.connect(patience=0).close()
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise SlipwayError(
                f"the throw-away database did not start: {last_line(log.read_bytes())}"
            )
        time.sleep(0.1)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End it at once: nothing in it is worth a checkpoint."""
    process.send_signal(signal.SIGQUIT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)


def _program(name: str) -> str:
    """Find a program of the server's own version; Debian keeps them off the PATH."""
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))[-1:]
    path = str(newest[0]) if newest else shutil.which(name)
    if path is None:
        raise Refused(f"{name} is not installed here, so no restore can be tried")
    return path
