"""How often something may be tried: counted in the database, so that every replica counts alike."""

from dataclasses import dataclass

from logbook import queries
from logbook.database import Connection
from logbook.problems import Problem

MINUTE = 60
HOUR = 60 * MINUTE


@dataclass(frozen=True)
class Limit:
    """So many of one kind in so many seconds, each subject by itself."""

    kind: str
    most: int
    window: int

    async def count(self, connection: Connection, subject: str) -> None:
        """Count one more, and end the request with 429 where that is too many.

        Counted before anything is looked at, so that parallel tries are counted too.
        """
        row = await queries.count_attempt(connection, self._name(subject), self.window)
        self._refuse(row["attempts"] > self.most, row["seconds_left"])

    async def check(self, connection: Connection, subject: str) -> None:
        """End the request with 429 where there were as many as may be; counts nothing."""
        row = await queries.attempts(connection, self._name(subject), self.window)
        if row is not None:
            self._refuse(row["attempts"] >= self.most, row["seconds_left"])

    async def forgive(self, connection: Connection, subject: str) -> None:
        """Take one back: it was right."""
        await queries.forgive_attempt(connection, self._name(subject))

    async def forget(self, connection: Connection, subject: str) -> None:
        """Begin anew."""
        await queries.forget_attempts(connection, self._name(subject))

    def _name(self, subject: str) -> str:
        return f"{self.kind} {subject}"

    def _refuse(self, is_over: bool, seconds: int) -> None:
        if is_over:
            minutes = -(-seconds // MINUTE)
            raise Over(
                429,
                f"Too many attempts; try again in {minutes} min.",
                headers={"Retry-After": str(seconds)},
            )


class Over(Problem):
    """Tried too often."""
