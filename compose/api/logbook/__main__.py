"""Serve the application until SIGTERM, then let every request that came finish.

`python -m logbook`            as in production
`python -m logbook --reload`   starts again when a file changes, for hacking
"""

import asyncio
import logging
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from logbook.app import create

HOST = "0.0.0.0"  # noqa: S104 - inside a container; only the edge's network reaches it
PORT = 8000
DRAIN_LIMIT = 35
CONNECTIONS = 1000  # beyond it a request gets 503: each may hold a body in memory
SETTLE_SECONDS = 0.5

log = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """Goes on serving for a moment after SIGTERM while it asks clients to leave.

    A server that closes its socket at once races with requests already on their way over kept
    connections; a proxy may repeat a GET then, but never a POST.
    """

    def __init__(self, config: uvicorn.Config, app: Starlette) -> None:
        super().__init__(config)
        self._app = app
        self._close_at = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._app.state.draining.is_set():
            super().handle_exit(sig, frame)  # asked twice: now
            return
        log.info("%s: draining", signal.Signals(sig).name)
        self._app.state.draining.set()
        self._close_at = time.monotonic() + self._app.state.settings.drain_seconds

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or time.monotonic() >= self._close_at

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await asyncio.sleep(SETTLE_SECONDS)  # who connected a moment ago has not asked yet
        await super().shutdown(sockets)


def main() -> None:
    if "--reload" in sys.argv[1:]:
        uvicorn.run(
            "logbook.app:create",
            factory=True,
            host=HOST,
            port=PORT,
            reload=True,
            reload_dirs=[str(Path(__file__).parent)],
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        return
    app = create()
    config = uvicorn.Config(
        app,
        host=HOST,
        port=PORT,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=DRAIN_LIMIT,
    )
    DrainingServer(config, app).run()
    log.info("ended")


if __name__ == "__main__":
    main()
