"""Entries of the logbook: each person reads and changes their own and nobody else's."""

from collections.abc import Awaitable, Callable
from typing import Any

from logbook import queries
from logbook.database import Connection, Database
from logbook.forms import Draft
from logbook.problems import Problem
from logbook.queries import Row
from logbook.services.accounts import Accounts


class Entries:
    """Finds the owner and does the work in one transaction."""

    def __init__(self, database: Database, accounts: Accounts) -> None:
        self._database = database
        self._accounts = accounts

    async def page(self, token: str, before: int | None, limit: int) -> Row:
        """Return a page, newest first, and where the next one begins."""

        async def work(connection: Connection, owner: int) -> list[Row]:
            return await queries.entries_before(connection, owner, before, limit + 1)

        rows = await self._as_owner(token, work)
        more = len(rows) > limit
        return {
            "entries": [_public(row) for row in rows[:limit]],
            "next": rows[limit - 1]["id"] if more else None,
        }

    async def create(self, token: str, draft: Draft) -> Row:
        async def work(connection: Connection, owner: int) -> Row | None:
            return await queries.insert_entry(connection, owner, draft.title, draft.text)

        return _found(await self._as_owner(token, work))

    async def read(self, token: str, identity: int) -> Row:
        async def work(connection: Connection, owner: int) -> Row | None:
            return await queries.entry(connection, owner, identity)

        return _found(await self._as_owner(token, work))

    async def update(self, token: str, identity: int, draft: Draft) -> Row:
        async def work(connection: Connection, owner: int) -> Row | None:
            return await queries.update_entry(connection, owner, identity, draft.title, draft.text)

        return _found(await self._as_owner(token, work))

    async def delete(self, token: str, identity: int) -> None:
        async def work(connection: Connection, owner: int) -> Row | None:
            return await queries.delete_entry(connection, owner, identity)

        if await self._as_owner(token, work) is None:
            raise _missing()

    async def _as_owner(self, token: str, work: Callable[[Connection, int], Awaitable[Any]]) -> Any:
        async def with_owner(connection: Connection) -> Any:
            owner = await self._accounts.owner(connection, token)
            return await work(connection, owner["id"])

        return await self._database.transaction(with_owner)


def _missing() -> Problem:
    return Problem(404, "There is no such entry in your logbook.")


def _found(row: Row | None) -> Row:
    if row is None:
        raise _missing()
    return _public(row)


def _public(row: Row) -> Row:
    return {**row, "created": row["created"].isoformat(), "updated": row["updated"].isoformat()}
