"""For hacking: run the worker as a child and start it again when a source file changes."""

import signal
import subprocess
import sys
import time
from pathlib import Path

LOOK_EVERY = 0.5
SOURCES = Path(__file__).parent


def run_and_reload() -> None:
    """Watch until SIGTERM or SIGINT; a child that ended waits for the next change."""
    signal.signal(signal.SIGTERM, _end)
    while True:
        child = subprocess.Popen([sys.executable, "-m", "worker"])
        seen = _stamps()
        try:
            while _stamps() == seen:
                time.sleep(LOOK_EVERY)
        except KeyboardInterrupt:
            return
        finally:
            child.terminate()
            child.wait()


def _end(*_: object) -> None:
    raise KeyboardInterrupt


def _stamps() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in SOURCES.rglob("*.py") if path.exists()}
