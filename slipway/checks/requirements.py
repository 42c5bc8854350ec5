"""What this computer lacks for the tests: an engine, nested hosts, a browser; or nothing."""

import functools
import shutil

from slipway.errors import CommandFailed, last_line
from slipway.hosts.local import LocalHost

BASE = "debian:trixie-slim"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# What a nested host does first; an engine that may not do this cannot hold another one.
TRIAL = """
mount -t tmpfs tmpfs /mnt
[ -w /sys/fs/cgroup ] || { echo "/sys/fs/cgroup is mounted read-only" >&2; exit 1; }
"""


@functools.cache
def why_no_engine() -> str:
    """Say why no Docker engine can be used here, or nothing."""
    if not shutil.which("docker"):
        return "there is no docker command here: inv bootstrap"
    try:
        result = LocalHost().run(["docker", "version"], timeout=20, check=False)
    except CommandFailed as error:
        return str(error)
    return f"the Docker engine does not answer: {last_line(result.err)}" if result.code else ""


@functools.cache
def why_no_hosts() -> str:
    """Say why no machine can be nested in this computer's engine, or nothing."""
    from slipway.machines.local.image import RIGHTS

    if reason := why_no_engine():
        return reason
    host = LocalHost()
    if host.run(["docker", "image", "inspect", BASE], timeout=20, check=False).code:
        return f"the image {BASE} is missing: inv bootstrap"
    argv = ["docker", "run", "--rm", "--network", "none", "--label", "slipway.trial=true", *RIGHTS]
    result = host.run([*argv, BASE, "sh", "-euc", TRIAL], timeout=60, check=False)
    return f"the engine may not hold nested hosts: {last_line(result.err)}" if result.code else ""


@functools.cache
def why_no_browser() -> str:
    """Say why no page can be looked at here, or nothing."""
    if any(shutil.which(name) for name in BROWSERS):
        return ""
    return "Chromium is not installed: apt-get install chromium"
