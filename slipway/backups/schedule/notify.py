"""Telling the world outside: a heartbeat after a good backup, a notice when a job failed.

An endpoint that is down changes nothing but a line in the log.
"""

import json
from pathlib import Path

from slipway import webhook

DELIVERED = Path("/run/secrets")
HEARTBEAT, NOTICE = "BACKUP_HEARTBEAT", "BACKUP_NOTICE"


def beat(folder: Path = DELIVERED) -> str:
    """Ask the heartbeat's URL, where there is one; return what went wrong, or nothing."""
    url = _url(HEARTBEAT, folder)
    return webhook.ask(HEARTBEAT, url) if url else ""


def tell(text: str, folder: Path = DELIVERED) -> str:
    """Post a notice, where there is somebody to tell; return what went wrong, or nothing."""
    url = _url(NOTICE, folder)
    return (
        webhook.ask(NOTICE, url, webhook.JSON, json.dumps({"text": text}).encode()) if url else ""
    )


def _url(name: str, folder: Path) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError):
        return ""
