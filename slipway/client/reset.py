"""Reset and seed from the operator's side: what is refused at once, what goes along."""

from pathlib import Path

from slipway.agent.messages.data import ResetReply, ResetRequest, SeedReply, SeedRequest
from slipway.agent.messages.request import ChangePlan
from slipway.client import backups
from slipway.client import migrations as client_migrations
from slipway.client.session import Session
from slipway.environments import protection
from slipway.errors import Refused
from slipway.progress import Reporter
from slipway.project import COMPOSE
from slipway.text_file import read_utf8

SEEDS = COMPOSE / "seed"


def seeds(name: str, folder: Path = SEEDS) -> dict[str, str]:
    """Read the files of sample rows for an environment: everybody's first, then its own."""
    paths = (folder / "common.sql", folder / f"{name}.sql")
    return {
        path.name: read_utf8(path, f"compose/{folder.name}/{path.name}")
        for path in paths
        if path.is_file()
    }


def migrations(folder: Path = client_migrations.FOLDER) -> dict[str, str]:
    """Read the checkout's migrations, by file name."""
    return client_migrations.texts(folder)


def reset(
    session: Session, reporter: Reporter, *, with_seeds: bool = True, plan: bool = False
) -> ResetReply | ChangePlan:
    """Replace a database by a new one, while nobody deploys; with `plan`, only say how."""
    env = session.env
    protection.check(env, "reset")
    backup_spec = backups.spec(session, reporter)
    request = ResetRequest(
        **vars(backup_spec),
        migrations=migrations(),
        seeds=seeds(env.name) if with_seeds else {},
        plan=plan,
    )
    with session.locked("resetting the database", needed=not plan):
        granted = backups.grant_to_back_up(env, backup_spec)
        return session.call(request, reporter, granted)


def seed(session: Session, reporter: Reporter) -> SeedReply:
    """Put the sample rows into the database that is there."""
    env = session.env
    protection.check(env, "seed")
    texts = seeds(env.name)
    if not texts:
        raise Refused(f"there are no sample rows: compose/seed/common.sql, {env.name}.sql")
    return session.call(SeedRequest(env.name, texts), reporter)
