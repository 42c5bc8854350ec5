"""The person at this computer, as a lease, a release and a run name them."""

import getpass
import os


def user() -> str:
    """Return who is logged in; a number where the system has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
