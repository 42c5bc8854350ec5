"""The container in which backups are tried: an empty server for one caller, no secret, no way out.

Whoever connects and asks has the server until that connection ends; then the container ends, with
all that ran in it, and is started anew.
"""

import contextlib
import json
import shutil
import socket
import sys
from pathlib import Path

from slipway.database import throwaway
from slipway.database.isolated import CONTROL, START
from slipway.errors import SlipwayError
from slipway.progress import SILENT

KEEPALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))


def main(port: int = CONTROL, root: Path = throwaway.ROOT) -> int:
    """Serve one caller; return the exit code."""
    empty(root)
    with socket.create_server(("", port), backlog=1) as listener:
        caller = wait(listener)
    with caller:
        for option, value in KEEPALIVE:  # of a caller whose machine is gone nothing is heard
            caller.setsockopt(socket.IPPROTO_TCP, option, value)
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            with throwaway.throwaway(SILENT, root, listen="*"):
                reply(caller, free=throwaway.room(root))
                until_closed(caller)
        except SlipwayError as error:
            reply(caller, error=str(error))
            return 1
    return 0


def wait(listener: socket.socket) -> socket.socket:
    """Return the first caller who asks for a server; one who only looks is let go."""
    while True:
        caller, _ = listener.accept()
        caller.settimeout(START)
        with contextlib.suppress(OSError):
            if caller.recv(1) == b"\n":
                caller.settimeout(None)
                return caller
        caller.close()


def until_closed(caller: socket.socket) -> None:
    """Wait for the end of the connection, however it comes."""
    with contextlib.suppress(OSError):
        while caller.recv(1):
            pass


def reply(caller: socket.socket, **fields: object) -> None:
    """Tell the caller in a line of JSON; one that is gone is told nothing."""
    with contextlib.suppress(OSError):
        caller.sendall(json.dumps(fields).encode() + b"\n")


def empty(root: Path) -> None:
    """Remove what the one before left."""
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
