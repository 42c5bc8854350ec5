"""The jobs themselves. Each runs in the transaction that marks it as done: all of it or nothing."""

import logging
from collections.abc import Callable
from typing import Any

from psycopg import Connection

Payload = dict[str, Any]
Chore = Callable[[Connection[Any], Payload], None]

KEEP_DONE_JOBS_DAYS = 7

WELCOME_TITLE = "Welcome to your logbook"
WELCOME_TEXT = """Hello {name}, this is your first entry.

Write down what happened and what you learned; your future self will thank you.
Only you can read what stands here. Change this entry or delete it, it is yours."""

log = logging.getLogger(__name__)


def welcome(connection: Connection[Any], payload: Payload) -> None:
    """Write the first entry of a new account; an account that is gone needs none."""
    account = connection.execute(
        "SELECT name FROM accounts WHERE id = %(id)s FOR KEY SHARE", {"id": payload["account_id"]}
    ).fetchone()
    if account is None:
        return
    connection.execute(
        "INSERT INTO entries (account_id, title, text) VALUES (%(id)s, %(title)s, %(text)s)",
        {
            "id": payload["account_id"],
            "title": WELCOME_TITLE,
            "text": WELCOME_TEXT.format(name=account[0]),
        },
    )


def sweep(connection: Connection[Any], payload: Payload) -> None:
    """Remove what nobody can use any more."""
    sessions = connection.execute("DELETE FROM sessions WHERE expires < now()").rowcount
    attempts = connection.execute(
        "DELETE FROM signin_attempts WHERE since < now() - interval '1 day'"
    ).rowcount
    jobs = connection.execute(
        "DELETE FROM jobs WHERE done_at < now() - make_interval(days => %(days)s)",
        {"days": KEEP_DONE_JOBS_DAYS},
    ).rowcount
    counts = {"sessions": sessions, "attempts": attempts, "jobs": jobs}
    log.info("swept", extra={"fields": counts})


CHORES: dict[str, Chore] = {"welcome": welcome, "sweep": sweep}
