"""What the agent has under way, in the name of its process, which others in the container see.

A deploy that would end the process waits for it, and then lets no other begin (client/activity).
"""

import contextlib
import time
from pathlib import Path

from slipway.errors import Busy

NAME = Path("/proc/self/comm")  # holds 15 bytes
WORKS, READS = "agent", "reads"
# What may be ended at any moment: it changes nothing, and can be asked again.
READING = frozenset({"status", "plan", "schema", "wait", "query", "backups", "results"})
MARKER = Path("/tmp/slipway-replacing")  # noqa: S108 - of a container; the client's script has it
LASTS = 120.0  # seconds; whoever put it there may be gone


def begin(verb: str) -> None:
    """Show what is done from now on. Raises Busy where a deploy is about to end this process."""
    with contextlib.suppress(OSError):
        NAME.write_text(f"{READS if verb in READING else WORKS} {verb}")
    with contextlib.suppress(OSError):
        # Looked for only when the name shows: one of the two sees the other.
        if verb not in READING and time.time() - MARKER.stat().st_mtime < LASTS:
            raise Busy(
                "a deploy is about to replace the container that would do this; nothing was "
                "changed; run it again in two minutes"
            )
