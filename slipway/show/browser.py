"""Opens an address in the browser of a desktop, where there is one."""

import os
import sys
from collections.abc import Mapping

DESKTOPS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")


def open_address(address: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Open it; say whether a browser took it. One in a terminal is not started unasked."""
    import webbrowser

    has_desktop = sys.platform in ("darwin", "win32") or any(map(environ.get, DESKTOPS))
    return has_desktop and webbrowser.open(address)
