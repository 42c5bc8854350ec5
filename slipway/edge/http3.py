"""HTTP/3: served by UDP beside HTTP/2, and announced under the port that is open."""

from collections.abc import Mapping
from typing import Any

SETTING = "HTTP3"
DAY = 24 * 60 * 60
SAFE = ("GET", "HEAD", "OPTIONS")


def is_on(settings: Mapping[str, str]) -> bool:
    """Whether it is served; not of a release from before there was the setting."""
    return settings["TLS"] != "off" and settings.get(SETTING, "off") == "on"


def serve(server: dict[str, Any], settings: Mapping[str, str]) -> None:
    """Have a server with TLS speak it, or not.

    Caddy announces the port that it listens on, which is another one outside of the container.
    """
    server["protocols"] = ["h1", "h2"]
    if not is_on(settings):
        return
    server["protocols"].append("h3")
    here = f'h3=":{settings.get("HTTPS_PORT", "443")}"; ma={DAY}'
    announced = {"handler": "headers", "response": {"set": {"Alt-Svc": [here]}}}
    # What comes before the handshake has ended can be sent once more by whoever recorded it.
    early = {"tls": {"handshake_complete": False}, "not": [{"method": list(SAFE)}]}
    later = {"handler": "static_response", "status_code": 425}
    refused = {"match": [early], "handle": [later], "terminal": True}
    server["routes"][:0] = [{"handle": [announced]}, refused]
