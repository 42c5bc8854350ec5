"""Which role does what, where the application has one that only reads and writes rows."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from slipway.database.connection import NoDatabase, Server, server
from slipway.errors import ConfigError

Part = Literal["migrator", "reader", "backup"]
GRANTS = Path("/srv/grants.sql")  # of compose/db; the image of ops has it too
APPLICATION = "slipway roles"
UNKNOWN = ("authentication failed", "no such user")  # of a role, to PostgreSQL and to PgBouncer


def acting_as(part: Part, environ: Mapping[str, str] = os.environ) -> Server:
    """Return the way in for a part of the work.

    It is the application's own where the environment has no password for that part, or the server
    no role yet: then one role does everything.
    """
    own = server(environ)
    password = own.password_file.with_name(f"DATABASE_{part.upper()}_PASSWORD")
    if not (password.is_file() and password.stat().st_size):
        return own
    role = replace(own, user=f"{own.user}_{part}", password_file=password, application=own.user)
    return role if _is_known(role) else own


def grant(way: Server) -> None:
    """Give the roles their rights in a database that has just got its tables.

    Nothing where one role does everything. Raises ConfigError.
    """
    if not way.application:
        return
    try:
        text = GRANTS.read_bytes()
    except OSError:
        raise ConfigError(
            "compose/ops/Dockerfile does not bring the rights of the database's roles; write "
            f"COPY compose/db/grants.sql {GRANTS} there, and deploy"
        ) from None
    with way.connect(application=APPLICATION) as connection, connection.transaction():
        connection.execute("SET LOCAL search_path = pg_catalog")
        connection.execute("SELECT set_config('slipway.app', %s, true)", [way.application])
        connection.execute(text)


def _is_known(role: Server) -> bool:
    """Whether the server lets a role in; one that does not answer is another's to tell."""
    try:
        role.connect(patience=0, application=APPLICATION).close()
    except NoDatabase as error:
        reason = str(error)
        no_role = f'role "{role.user}" does not exist' in reason
        return not (no_role or any(sign in reason for sign in UNKNOWN))
    return True
