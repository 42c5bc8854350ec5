"""Accounts and sessions: sign up, sign in, sign out, and whose request this is."""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from logbook import queries
from logbook.clients import Devices
from logbook.database import Connection, Database
from logbook.forms import Signin, Signup
from logbook.passwords import Passwords
from logbook.problems import Problem
from logbook.queries import Row
from logbook.services.limits import HOUR, MINUTE, Limit, Over

# Whoever guesses locks out themselves: a network for one account, or a browser that knows it. All
# strangers together may try an account that often; its own browsers are not touched by that.
BY_NETWORK = Limit("account from", 10, 15 * MINUTE)
BY_DEVICE = Limit("account on", 10, 15 * MINUTE)
BY_STRANGERS = Limit("account", 300, 1 * HOUR)
ANY_ACCOUNT = Limit("address", 300, 15 * MINUTE)  # an office behind one address is not one person
# Whoever asks which addresses have an account gets few answers.
TAKEN = Limit("taken", 10, 1 * HOUR)


@dataclass(frozen=True)
class Client:
    """Who asks: a network, and the mark that a browser brought."""

    network: str
    mark: str = ""


@dataclass(frozen=True)
class SignedIn:
    """An account, the token of its new session, and the mark of its browser."""

    account: Row
    token: str
    mark: str


class Accounts:
    """Keeps nothing itself: every replica gives the same answer."""

    def __init__(
        self, database: Database, session_key: bytes, session_days: int, signups: int
    ) -> None:
        self._database = database
        self._session_key = session_key
        self._session_days = session_days
        self._signups = Limit("signup", signups, 1 * HOUR)
        self._passwords = Passwords()
        self._devices = Devices(session_key)

    async def sign_up(self, form: Signup, client: Client) -> SignedIn:
        """Make an account, queue its welcome, and begin a session."""

        async def may(connection: Connection) -> None:
            await TAKEN.check(connection, client.network)
            await self._signups.count(connection, client.network)

        await self._limited(may)
        password_hash = await self._passwords.hash(form.password)
        token = secrets.token_urlsafe(32)

        async def work(connection: Connection) -> Row | None:
            account = await queries.insert_account(connection, form.email, form.name, password_hash)
            if account:
                await queries.insert_job(connection, "welcome", {"account_id": account["id"]})
                await self._begin_session(connection, account, token)
            else:
                await TAKEN.count(connection, client.network)
            return account

        account = await self._database.transaction(work)
        if account is None:
            raise Problem(
                409, "There is an account with this address already; sign in.", field="email"
            )
        return self._signed_in(account, token)

    async def sign_in(self, form: Signin, client: Client) -> SignedIn:
        """Begin a session when the password is right."""
        account, device = await self._count_attempt(form.email, client)
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
            own, *shared = _limits(form.email, client, device)
            await own[0].forget(connection, own[1])
            for limit, subject in shared:
                await limit.forgive(connection, subject)
            if new_hash:
                await queries.update_password_hash(connection, account["id"], new_hash)
            await self._begin_session(connection, account, token)

        await self._database.transaction(work)
        return self._signed_in(account, token)

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

    async def _count_attempt(self, email: str, client: Client) -> tuple[Row | None, str]:
        """Count an attempt; return the account, and the browser if it has signed in before."""

        async def work(connection: Connection) -> tuple[Row | None, str]:
            account = await queries.account_by_email(connection, email)
            device = self._devices.known(account["id"] if account else 0, client.mark)
            for limit, subject in _limits(email, client, device):
                await limit.count(connection, subject)
            return account, device

        return await self._limited(work)

    async def _begin_session(self, connection: Connection, account: Row, token: str) -> None:
        await queries.insert_session(
            connection, self._hash(token), account["id"], self._session_days
        )

    async def _limited[T](self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Count in a transaction that is kept also where the count is too high."""

        async def kept(connection: Connection) -> T | Over:
            try:
                return await work(connection)
            except Over as over:
                return over

        outcome = await self._database.transaction(kept)
        if isinstance(outcome, Over):
            raise outcome
        return outcome

    def _signed_in(self, account: Row, token: str) -> SignedIn:
        return SignedIn(_public(account), token, self._devices.mark(account["id"]))

    def _hash(self, token: str) -> bytes:
        return hmac.digest(self._session_key, token.encode(), hashlib.sha256)


def _limits(email: str, client: Client, device: str) -> list[tuple[Limit, str]]:
    """Return what an attempt on an account counts for, first what is the client's own."""
    if device:  # nothing that others do, from here or elsewhere, keeps a person out
        return [(BY_DEVICE, f"{email} {device}")]
    own = (BY_NETWORK, f"{email} {client.network}")
    return [own, (ANY_ACCOUNT, client.network), (BY_STRANGERS, email)]


def _public(account: Row) -> Row:
    return {"email": account["email"], "name": account["name"]}
