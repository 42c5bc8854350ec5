"""Every SQL statement of the service, one function each; values travel only as parameters."""

from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from logbook.database import Connection

Row = dict[str, Any]


async def _one(connection: Connection, statement: LiteralString, values: Row) -> Row | None:
    return await (await connection.execute(statement, values)).fetchone()


# Accounts and sessions


async def insert_account(
    connection: Connection, email: str, name: str, password_hash: str
) -> Row | None:
    """Add an account, or return None when the address is taken."""
    return await _one(
        connection,
        "INSERT INTO accounts (email, name, password_hash)"
        " VALUES (%(email)s, %(name)s, %(password_hash)s)"
        " ON CONFLICT (email) DO NOTHING RETURNING id, email, name, created",
        {"email": email, "name": name, "password_hash": password_hash},
    )


async def account_by_email(connection: Connection, email: str) -> Row | None:
    return await _one(
        connection,
        "SELECT id, email, name, password_hash FROM accounts WHERE email = %(email)s",
        {"email": email},
    )


async def update_password_hash(connection: Connection, account: int, password_hash: str) -> None:
    await connection.execute(
        "UPDATE accounts SET password_hash = %(hash)s WHERE id = %(account)s",
        {"hash": password_hash, "account": account},
    )


async def insert_session(
    connection: Connection, token_hash: bytes, account: int, days: int
) -> None:
    await connection.execute(
        "INSERT INTO sessions (token_hash, account_id, expires)"
        " VALUES (%(token_hash)s, %(account)s, now() + make_interval(days => %(days)s))",
        {"token_hash": token_hash, "account": account, "days": days},
    )


async def account_by_session(connection: Connection, token_hash: bytes) -> Row | None:
    return await _one(
        connection,
        "SELECT a.id, a.email, a.name FROM sessions s JOIN accounts a ON a.id = s.account_id"
        " WHERE s.token_hash = %(token_hash)s AND s.expires > now()",
        {"token_hash": token_hash},
    )


async def delete_session(connection: Connection, token_hash: bytes) -> None:
    await connection.execute(
        "DELETE FROM sessions WHERE token_hash = %(token_hash)s", {"token_hash": token_hash}
    )


# Attempts


async def count_attempt(connection: Connection, subject: str, window: int) -> Row:
    """Count one more attempt and return the count and the seconds until it starts again."""
    row = await _one(
        connection,
        "INSERT INTO signin_attempts AS a (subject, attempts, since)"
        " VALUES (%(subject)s, 1, now())"
        " ON CONFLICT (subject) DO UPDATE SET"
        "  attempts = CASE WHEN a.since < now() - make_interval(secs => %(window)s)"
        "   THEN 1 ELSE a.attempts + 1 END,"
        "  since = CASE WHEN a.since < now() - make_interval(secs => %(window)s)"
        "   THEN now() ELSE a.since END"
        " RETURNING attempts,"
        "  ceil(extract(epoch FROM since - now()) + %(window)s)::int AS seconds_left",
        {"subject": subject, "window": window},
    )
    assert row is not None  # noqa: S101 - an upsert always returns its row
    return row


async def attempts(connection: Connection, subject: str, window: int) -> Row | None:
    """Return the count and the seconds until it starts again, or None where none counts."""
    return await _one(
        connection,
        "SELECT attempts, ceil(extract(epoch FROM since - now()) + %(window)s)::int AS seconds_left"
        " FROM signin_attempts"
        " WHERE subject = %(subject)s AND since >= now() - make_interval(secs => %(window)s)",
        {"subject": subject, "window": window},
    )


async def forgive_attempt(connection: Connection, subject: str) -> None:
    """Take one attempt back: it was right."""
    await connection.execute(
        "UPDATE signin_attempts SET attempts = greatest(attempts - 1, 0)"
        " WHERE subject = %(subject)s",
        {"subject": subject},
    )


async def forget_attempts(connection: Connection, subject: str) -> None:
    await connection.execute(
        "DELETE FROM signin_attempts WHERE subject = %(subject)s", {"subject": subject}
    )


# Entries: every statement names the account, so nobody reaches another's


async def entries_before(
    connection: Connection, account: int, before: int | None, limit: int
) -> list[Row]:
    """Return up to `limit` entries, newest first, older than the entry `before`."""
    cursor = await connection.execute(
        "SELECT id, title, text, created, updated FROM entries"
        " WHERE account_id = %(account)s"
        " AND (%(before)s::bigint IS NULL OR id < %(before)s)"
        " ORDER BY id DESC LIMIT %(limit)s",
        {"account": account, "before": before, "limit": limit},
    )
    return await cursor.fetchall()


async def insert_entry(connection: Connection, account: int, title: str, text: str) -> Row | None:
    return await _one(
        connection,
        "INSERT INTO entries (account_id, title, text)"
        " VALUES (%(account)s, %(title)s, %(text)s)"
        " RETURNING id, title, text, created, updated",
        {"account": account, "title": title, "text": text},
    )


async def entry(connection: Connection, account: int, identity: int) -> Row | None:
    return await _one(
        connection,
        "SELECT id, title, text, created, updated FROM entries"
        " WHERE id = %(id)s AND account_id = %(account)s",
        {"id": identity, "account": account},
    )


async def update_entry(
    connection: Connection, account: int, identity: int, title: str, text: str
) -> Row | None:
    return await _one(
        connection,
        "UPDATE entries SET title = %(title)s, text = %(text)s, updated = now()"
        " WHERE id = %(id)s AND account_id = %(account)s"
        " RETURNING id, title, text, created, updated",
        {"id": identity, "account": account, "title": title, "text": text},
    )


async def delete_entry(connection: Connection, account: int, identity: int) -> Row | None:
    return await _one(
        connection,
        "DELETE FROM entries WHERE id = %(id)s AND account_id = %(account)s RETURNING id",
        {"id": identity, "account": account},
    )


# Jobs and the level of the schema


async def insert_job(connection: Connection, kind: str, payload: Row) -> None:
    """Queue a job; the worker wakes when the transaction commits."""
    await connection.execute(
        "INSERT INTO jobs (kind, payload) VALUES (%(kind)s, %(payload)s)",
        {"kind": kind, "payload": Jsonb(payload)},
    )
    await connection.execute("NOTIFY jobs")


async def migration_head(connection: Connection) -> str:
    """Return the newest migration that is applied, or nothing."""
    row = await _one(connection, "SELECT max(version) AS head FROM schema_migrations", {})
    return str(row["head"] or "") if row else ""
