"""Accounts and sessions: sign up, sign in, sign out, and whose request this is."""

import hashlib
import hmac
import secrets

from logbook import queries
from logbook.database import Connection, Database
from logbook.forms import Signin, Signup
from logbook.passwords import Passwords
from logbook.problems import Problem
from logbook.queries import Row

ATTEMPT_WINDOW = 15 * 60
ATTEMPTS_PER_ACCOUNT = 10
ATTEMPTS_PER_ADDRESS = 300  # an office behind one address is not one person


class Accounts:
    """Keeps nothing itself: every replica gives the same answer."""

    def __init__(self, database: Database, session_key: bytes, session_days: int) -> None:
        self._database = database
        self._session_key = session_key
        self._session_days = session_days
        self._passwords = Passwords()

    async def sign_up(self, form: Signup) -> tuple[Row, str]:
        """Make an account, queue its welcome, and return it with a session's token."""
        password_hash = await self._passwords.hash(form.password)
        token = secrets.token_urlsafe(32)

        async def work(connection: Connection) -> Row | None:
            account = await queries.insert_account(connection, form.email, form.name, password_hash)
            if account:
                await queries.insert_job(connection, "welcome", {"account_id": account["id"]})
                await self._begin_session(connection, account, token)
            return account

        account = await self._database.transaction(work)
        if account is None:
            raise Problem(
                409, "There is an account with this address already; sign in.", field="email"
            )
        return _public(account), token

    async def sign_in(self, form: Signin, address: str) -> tuple[Row, str]:
        """Return the account and a new session's token when the password is right."""
        account = await self._count_attempt(form.email, address)
        known_hash = account["password_hash"] if account else None
        if not await self._passwords.matches(known_hash, form.password) or account is None:
            raise Problem(401, "The address or the password is wrong.", field="password")
        new_hash = (
            await self._passwords.hash(form.password)
            if self._passwords.is_outdated(account["password_hash"])
            else None
        )
        token = secrets.token_urlsafe(32)

        async def work(connection: Connection) -> None:
            await queries.forget_attempts(connection, f"account {form.email}")
            await queries.forgive_attempt(connection, f"address {address}")
            if new_hash:
                await queries.update_password_hash(connection, account["id"], new_hash)
            await self._begin_session(connection, account, token)

        await self._database.transaction(work)
        return _public(account), token

    async def sign_out(self, token: str) -> None:
        """End the session; one that is unknown or over counts as ended."""
        await self._database.transaction(
            lambda connection: queries.delete_session(connection, self._hash(token))
        )

    async def who(self, token: str) -> Row:
        """Return the account of a session."""
        return _public(
            await self._database.transaction(lambda connection: self.owner(connection, token))
        )

    async def owner(self, connection: Connection, token: str) -> Row:
        """Return the account of a session inside a transaction, or end the request with 401."""
        account = token and await queries.account_by_session(connection, self._hash(token))
        if not account:
            raise Problem(401, "Please sign in.")
        return account

    def close(self) -> None:
        self._passwords.close()

    async def _count_attempt(self, email: str, address: str) -> Row | None:
        async def work(connection: Connection) -> tuple[Row, Row, Row | None]:
            return (
                await queries.count_attempt(connection, f"account {email}", ATTEMPT_WINDOW),
                await queries.count_attempt(connection, f"address {address}", ATTEMPT_WINDOW),
                await queries.account_by_email(connection, email),
            )

        by_account, by_address, account = await self._database.transaction(work)
        for count, most in (
            (by_account, ATTEMPTS_PER_ACCOUNT),
            (by_address, ATTEMPTS_PER_ADDRESS),
        ):
            if count["attempts"] > most:
                minutes = -(-count["seconds_left"] // 60)
                raise Problem(
                    429,
                    f"Too many attempts to sign in; try again in {minutes} min.",
                    headers={"Retry-After": str(count["seconds_left"])},
                )
        return account

    async def _begin_session(self, connection: Connection, account: Row, token: str) -> None:
        await queries.insert_session(
            connection, self._hash(token), account["id"], self._session_days
        )

    def _hash(self, token: str) -> bytes:
        return hmac.digest(self._session_key, token.encode(), hashlib.sha256)


def _public(account: Row) -> Row:
    return {"email": account["email"], "name": account["name"]}
