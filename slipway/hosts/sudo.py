"""Scripts that need root, for hosts where one logs in as root and where one does not."""

from slipway.errors import Refused
from slipway.hosts.host import MINUTES, CommandResult, Host

CLIMB = 'if [ "$(id -u)" = 0 ]; then exec "$@"; else exec sudo -n -- "$@"; fi'


def as_root(
    host: Host, text: str, *args: str, stdin: bytes = b"", timeout: float = 2 * MINUTES
) -> CommandResult:
    """Run a POSIX shell script as root in one round trip; `args` become `$1`, `$2`, ...

    Raises Refused where sudo asks for a password.
    """
    # sudo's child belongs to root, so only a `timeout` inside can end it.
    bounded = ["timeout", "--kill-after=5", f"{timeout:.0f}", "sh", "-euc", text, "sh", *args]
    result = host.run(
        ["sh", "-euc", CLIMB, "sh", *bounded], stdin=stdin, timeout=timeout, check=False
    )
    if result.code != 0 and "sudo:" in result.err.partition("\n")[0]:
        raise Refused(
            f"{host.name}: not root there, and sudo is missing or asks for a password; put the "
            "line `USER ALL=(ALL) NOPASSWD: ALL` into /etc/sudoers.d, or log in as root"
        )
    return result.check()
