"""The roles of a server as SQL: they are no part of a database's dump, and owners of what is."""

import subprocess

from slipway.backups.take.dump import DumpFailed
from slipway.database.connection import Server
from slipway.database.processes import reason_in, started
from slipway.errors import Refused

PATIENCE = 120.0


def read(server: Server, *, passwords: bool = False) -> bytes:
    """Return CREATE ROLE and its like for every role; password hashes only when asked.

    Without them it works for a role that may not read pg_authid, as in managed databases.
    """
    from psycopg.conninfo import make_conninfo

    # A bare name with a = in it would be read as options.
    argv = ["pg_dumpall", "--roles-only", "--no-password", "--no-sync"]
    argv += ["--database", make_conninfo(dbname=server.database)]
    if not passwords:
        argv.append("--no-role-passwords")
    with (
        server.libpq(application="slipway backup: roles") as environ,
        started(argv, env=environ, stdout=subprocess.PIPE) as process,
    ):
        out, err = process.communicate(timeout=PATIENCE)
    if process.returncode == 0:
        return out
    text = err.decode(errors="replace")
    if passwords and "pg_authid" in text:
        raise Refused(
            f"{server.user} may not read the passwords of roles, as in most managed databases; "
            "leave --roles-with-passwords out; nothing was backed up"
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    raise DumpFailed(f"pg_dumpall failed, nothing was kept: {reason_in(lines)}")
