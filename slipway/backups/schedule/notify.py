"""Telling the world outside: a heartbeat after a good backup, a notice when a job failed.

An endpoint that is down changes nothing but a line in the log. Its URL is a secret (it lets anybody
who knows it speak in a team's channel), so no sentence here ever holds a part of it.
"""

import contextlib
import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path

DELIVERED = Path("/run/secrets")
HEARTBEAT, NOTICE = "BACKUP_HEARTBEAT", "BACKUP_NOTICE"
PATIENCE = 10.0
AGENT = {"User-Agent": "slipway"}


def beat(folder: Path = DELIVERED) -> str:
    """Ask the heartbeat's URL, where there is one; return what went wrong, or nothing."""
    url = _url(HEARTBEAT, folder)
    return _ask(HEARTBEAT, url, None) if url else ""


def tell(text: str, folder: Path = DELIVERED) -> str:
    """Post a notice, where there is somebody to tell; return what went wrong, or nothing."""
    url = _url(NOTICE, folder)
    return _ask(NOTICE, url, json.dumps({"text": text}).encode()) if url else ""


def _ask(name: str, url: str, body: bytes | None) -> str:
    if not url.startswith(("https://", "http://")):
        return f"{name} is not an http(s) URL; correct it with sops and deploy"
    headers = AGENT | ({"Content-Type": "application/json"} if body is not None else {})
    try:
        request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310  checked
        with contextlib.closing(urllib.request.urlopen(request, timeout=PATIENCE)) as answer:  # noqa: S310  checked
            answer.read(1024)
    except urllib.error.HTTPError as error:
        error.close()
        return f"{name} answered {error.code}"
    except TimeoutError:
        return f"{name} did not answer within {PATIENCE:.0f} s"
    except (OSError, ValueError, http.client.HTTPException) as error:
        # Not the error's own text: it may hold the URL.
        return f"{name} could not be reached ({_kind(error)})"
    return ""


def _kind(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return type(reason if isinstance(reason, Exception) else error).__name__


def _url(name: str, folder: Path) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError):
        return ""
