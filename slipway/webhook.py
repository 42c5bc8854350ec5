"""One request to an endpoint outside whose address is a secret.

Whoever knows it can speak in a team's channel, so no sentence here ever holds a part of it.
"""

import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from types import MappingProxyType

PATIENCE = 10.0
AGENT = {"User-Agent": "slipway"}
JSON: Mapping[str, str] = MappingProxyType({"Content-Type": "application/json"})
PLAIN: Mapping[str, str] = MappingProxyType({})


def ask(name: str, url: str, headers: Mapping[str, str] = PLAIN, body: bytes | None = None) -> str:
    """Ask a URL, or post to it where there is a body; return what went wrong, or nothing.

    `name` stands for the URL in what is returned.
    """
    if not url.startswith(("https://", "http://")):
        return f"{name} is not an http(s) URL; correct it with sops and deploy"
    try:
        request = urllib.request.Request(url, data=body, headers={**AGENT, **headers})  # noqa: S310  checked
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
