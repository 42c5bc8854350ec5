"""A person's side of reset and seed: what is refused at once, what goes along from the checkout."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from slipway.client import backups
from slipway.client import migrations as client_migrations
from slipway.client.backups import There
from slipway.cluster import lease
from slipway.environments import protection
from slipway.errors import ConfigError, Refused
from slipway.progress import Reporter
from slipway.project import COMPOSE

SEEDS = COMPOSE / "seed"


def seeds(name: str, folder: Path = SEEDS) -> dict[str, str]:
    """Read the files of sample rows for an environment: everybody's first, then its own."""
    paths = (folder / "common.sql", folder / f"{name}.sql")
    return {path.name: _text(path) for path in paths if path.is_file()}


def migrations(folder: Path = client_migrations.FOLDER) -> dict[str, str]:
    """Read the checkout's migrations, by file name."""
    return client_migrations.texts(folder)


def reset(
    there: There, report: Reporter, *, seed: bool = True, plan: bool = False
) -> dict[str, Any]:
    """Replace a database by a new one, while nobody deploys; with `plan`, only say how."""
    env = there.env
    protection.check(env, "reset")
    files = {"migrations": migrations(), "seeds": seeds(env.name) if seed else {}}
    given, store = backups.request(there, report) | files, backups.store_here(env)
    if plan:
        return there.do("reset-plan", given, report, store)
    with _alone(there, "resetting the database"):
        return there.do("reset", given, report, store)


def sow(there: There, report: Reporter) -> dict[str, Any]:
    """Put the sample rows into the database that is there; return what is told of it."""
    env = there.env
    protection.check(env, "seed")
    found = seeds(env.name)
    if not found:
        raise Refused(f"there are no sample rows: compose/seed/common.sql, {env.name}.sql")
    given = {"environment": env.name, "seeds": found}
    return there.do("seed", given, report)


def _alone(there: There, reason: str) -> AbstractContextManager[object]:
    """Hold the lease of an environment; the hacking loop has none."""
    if there.manager is None:
        return nullcontext()
    return lease.held(there.manager, there.env.prefix, reason)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        where = f"compose/{path.parent.name}/{path.name}"
        raise ConfigError(f"{where}: byte {error.start + 1} is not UTF-8; save it so") from None
