"""psql beside the database, for a person or for SQL on its input: `python -m slipway.agent.shell`.

It gets its password from a file that is gone with it, keeps no history, says in its prompt where it
is, and only reads in production unless told otherwise: then as a role that may write nothing.
"""

import argparse
import os
import signal
import subprocess
import sys
import time

from slipway import child_environment
from slipway.agent.context import environment as agent_environment
from slipway.database.roles import acting_as
from slipway.environments import protection
from slipway.environments.protection import Here
from slipway.errors import SlipwayError

PATIENCE = 5.0
PROGRAM = "psql"
APPLICATION = "psql by slipway"  # not one that a swap takes for work under way
# Docker does not tell a terminal inside that its person is gone: one that nobody types into for so
# many seconds, and that shows nothing, is given up.
IDLE = 3600.0
LIMITS = "-c idle_in_transaction_session_timeout=15min -c idle_session_timeout=1h"
RED, GREEN, PLAIN = "%[%033[1;31m%]", "%[%033[32m%]", "%[%033[0m%]"


def main() -> int:
    """Become psql, as far as the password's file allows; return the exit code."""
    parser = argparse.ArgumentParser(prog="slipway.agent.shell")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--idle", type=float, default=IDLE, help="seconds, then it is over")
    options = parser.parse_args()
    try:
        environment = agent_environment()
        free = protection.verdict(Here(environment), "write SQL") == "free"
        is_write = options.write or free
        database = acting_as("migrator" if is_write else "reader")
        database.connect(patience=PATIENCE, application=APPLICATION).close()  # says what is wrong
        with database.libpq(application=APPLICATION) as environ:
            signal.signal(signal.SIGINT, _pass_over)  # Ctrl-C is psql's: it ends a query
            own = {"PGOPTIONS": session_options(is_write=is_write), "PSQL_HISTORY": os.devnull}
            terminal = {key: os.environ[key] for key in ("TERM", "COLUMNS") if key in os.environ}
            argv = [PROGRAM, *flags(environment, is_write=is_write)]
            child_env = child_environment.made(PROGRAM, {**environ, **own, **terminal})
            with subprocess.Popen(argv, env=child_env) as process:
                return _wait(process, options.idle)
    except SlipwayError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code


def _wait(process: "subprocess.Popen[bytes]", idle: float) -> int:
    """Wait for psql's end, and end it when its terminal is given up.

    Its own 2 and 3 (the line broke, SQL failed) would mean something else among our exit codes.
    """
    while True:
        try:
            return 1 if process.wait(min(idle / 4, 60)) else 0
        except subprocess.TimeoutExpired:
            if sys.stdin.isatty() and _idle_seconds() > idle:
                process.send_signal(signal.SIGHUP)


def _idle_seconds() -> float:
    """How long nobody typed and nothing was shown, as `w` tells it."""
    seen = os.fstat(sys.stdin.fileno())
    return time.time() - max(seen.st_atime, seen.st_mtime)


def session_options(*, is_write: bool) -> str:
    """What the session begins with; a person may still SET it otherwise, on purpose."""
    return LIMITS if is_write else f"{LIMITS} -c default_transaction_read_only=on"


def flags(environment: str, *, is_write: bool) -> list[str]:
    """How psql is called; the password and SQL are never among it."""
    colour = RED if protection.is_production(Here(environment)) else GREEN
    name = environment if is_write else f"{environment} (reads only)"
    prompt = f"{colour}{name}{PLAIN} %/%R%x%# "
    words = ["-X", "-v", f"PROMPT1={prompt}", "-v", f"PROMPT2={prompt}"]
    return words if sys.stdin.isatty() else [*words, "-v", "ON_ERROR_STOP=1"]


def _pass_over(*_: object) -> None:
    """A handler, not SIG_IGN: psql would inherit that."""


if __name__ == "__main__":
    sys.exit(main())
