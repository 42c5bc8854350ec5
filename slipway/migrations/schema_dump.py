"""The schema as SQL, the same text for the same schema whoever dumps it and when."""

import re
import subprocess

from slipway.database import processes
from slipway.database.connection import Connection, Server
from slipway.errors import SlipwayError, first_line
from slipway.migrations import attver, journal

# Of Slipway's own record only dbmate's table is part of a schema; `dbmate load` wants it so.
OPTIONS = ["--schema-only", "--no-owner", "--no-privileges", "--encoding=UTF8"]
OPTIONS += ["--exclude-schema=slipway"]
# The key of \restrict is random, and versions differ between two computers of the same major.
VOLATILE = re.compile(
    r"^(?:\\(?:un)?restrict [A-Za-z0-9]+|-- Dumped (?:from database|by pg_dump) version .*)"
    r"(?:\n+|\Z)",
    re.MULTILINE,
)
HEAD = "-- The schema after all migrations, written by `inv db.schema`; not for editing.\n"


def dump(server: Server) -> str:
    """Dump the schema with the server's own pg_dump. Raises SlipwayError when that fails."""
    with server.connect() as connection:
        versions = [each.version for each in _applied(connection)]
    argv = ["pg_dump", *OPTIONS]
    with server.libpq() as env, processes.started(argv, env=env, stdout=subprocess.PIPE) as dumping:
        out, err = dumping.communicate()
    if dumping.returncode != 0:
        reason = first_line(err.decode(errors="replace"))
        raise SlipwayError(f"pg_dump failed, no schema was written: {reason}")
    return tidy(out.decode()) + _record(versions)


def tidy(text: str) -> str:
    """Take out what differs between two dumps of one schema."""
    schema, _ = attver.without(text)
    return HEAD + VOLATILE.sub("", schema).strip("\n") + "\n"


def _record(versions: list[str]) -> str:
    """Name the versions as dbmate does, so that a database made from the file knows them."""
    if not versions:
        return ""
    rows = ",\n".join("    ('" + each.replace("'", "''") + "')" for each in versions)
    return (
        "\n--\n-- Dbmate schema migrations\n--\n\n"
        f"INSERT INTO public.schema_migrations (version) VALUES\n{rows};\n"
    )


def _applied(connection: Connection) -> list[journal.JournalEntry]:
    entries = journal.read(connection).entries.values()
    return sorted((e for e in entries if e.state == "done"), key=lambda e: e.version)
