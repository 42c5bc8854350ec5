"""Password hashes (argon2id), made and checked in threads so that the event loop stays free."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from logbook.problems import Problem

# OWASP's parameters: 19 MiB a hash, so two at once fit any container.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
THREADS = 2
QUEUE = 100


class Passwords:
    """Hashes and checks passwords, a few at once; a crowd is told to come back."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._waiting = 0
        # Checked when an address is unknown, so that the time of an answer does not tell.
        self._nobody = HASHER.hash("nobody")

    async def hash(self, password: str) -> str:
        return await self._in_thread(lambda: HASHER.hash(password))

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Tell whether the password is right; without a hash it never is."""
        right = await self._in_thread(lambda: _verify(password_hash or self._nobody, password))
        return right and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether the hash was made with older parameters."""
        return HASHER.check_needs_rehash(password_hash)

    def close(self) -> None:
        self._threads.shutdown(wait=False)

    async def _in_thread[T](self, work: Callable[[], T]) -> T:
        if self._waiting >= QUEUE:
            raise Problem(
                503,
                "Too many people sign in at this moment; try again shortly.",
                headers={"Retry-After": "2"},
            )
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _verify(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
