"""The schema, from inside: migrate, roll back, look, plan, record, dump, wait."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slipway.agent.context import Context
from slipway.database import identity
from slipway.database.connection import NoDatabase, Server, server
from slipway.errors import SlipwayError
from slipway.migrations import files, runner
from slipway.migrations import status as migrations_status
from slipway.migrations.files import Migration
from slipway.migrations.runner import MigrationOptions, RunResult

FOLDER = Path("/srv/migrations")  # where an image has its own
WAIT = 60.0


def migrate(work: Context) -> dict[str, Any]:
    """Apply what is pending; with `dry_run`, only say what it is."""
    if work.given.get("dry_run"):
        return plan(work)
    _refuse_another()
    done = runner.migrate(_server(), _files(work), work.report, _wish(work))
    with _server().connect() as connection:
        identity.ensure(connection, _environment())
    return _done(done, "applied", "nothing pending")


def rollback(work: Context) -> dict[str, Any]:
    """Take back the newest `steps` migrations."""
    steps = int(work.given.get("steps", 1))
    _refuse_another()
    done = runner.roll_back(_server(), _files(work), work.report, _wish(work), steps)
    return _done(done, "taken back", "nothing to take back")


def baseline(work: Context) -> dict[str, Any]:
    """Record what is there as applied, up to `version`, and run nothing."""
    version = str(work.given["version"])
    _refuse_another()
    names = runner.baseline(_server(), _files(work), work.report, _wish(work), version)
    return {"recorded": names, "summary": f"{_count(names)} recorded as applied; nothing was run"}


def status(work: Context) -> dict[str, Any]:
    """Say what is applied, what is pending and what is wrong."""
    return migrations_status.status(_server(), _files(work))


def plan(work: Context) -> dict[str, Any]:
    """Say what would run, with its SQL, locks and risk; opens no transaction that could write."""
    return migrations_status.plan(_server(), _files(work), _wish(work))


def schema(work: Context) -> dict[str, Any]:
    """Return the schema as SQL."""
    from slipway.migrations import schema_dump as schemas

    text = schemas.dump(_server())
    return {"schema": text, "summary": f"{text.count(chr(10))} lines of schema"}


def wait(work: Context) -> dict[str, Any]:
    """Wait until the database answers; at once an error where waiting would not help."""
    timeout = float(work.given.get("timeout", WAIT))
    began = time.monotonic()
    try:
        _server().connect(patience=timeout).close()
    except NoDatabase as error:
        raise SlipwayError(f"{error} (waited {time.monotonic() - began:.0f} s)") from None
    waited = round(time.monotonic() - began, 1)
    return {"seconds": waited, "summary": f"the database answers, after {waited} s"}


def _refuse_another() -> None:
    with _server().connect() as connection:
        identity.refuse_another(connection, _environment())


def _environment() -> str:
    return os.environ.get("ENVIRONMENT", "dev")


def _server() -> Server:
    return server(os.environ)


def _files(work: Context) -> list[Migration]:
    """Read what came from the person's checkout; else what this image was built with."""
    texts = work.given.get("migrations")
    return files.read(FOLDER) if texts is None else files.from_texts(texts)


def _wish(work: Context) -> MigrationOptions:
    given = work.given
    expected = given.get("expected")
    return MigrationOptions(
        by=str(given.get("by") or "a deploy"),
        lock_wait=float(given.get("lock_wait", runner.LOCK_WAIT)),
        lock_timeout=float(given.get("lock_timeout", runner.LOCK_TIMEOUT)),
        to=str(given.get("to") or ""),
        allow_out_of_order=bool(given.get("allow_out_of_order")),
        accept=frozenset(map(str, given.get("accept") or ())),
        resume_from=int(given.get("resume_from") or 0),
        mark=given.get("mark") or "",
        expected=None if expected is None else tuple(map(str, expected)),
    )


def _done(done: Sequence[RunResult], did: str, nothing: str) -> dict[str, Any]:
    seconds = sum(each.seconds for each in done)
    rows = [
        {"version": each.version, "file": each.filename, "seconds": each.seconds} for each in done
    ]
    summary = f"{_count(done)} {did} in {seconds:.1f} s" if done else nothing
    return {"done": rows, "summary": summary}


def _count(found: Sequence[object]) -> str:
    return f"{len(found)} migration{'s' * (len(found) != 1)}"
