"""The queue: jobs are rows; a claim is a lease, and only its holder can finish the job."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

LEASE_SECONDS = 60
MOST_ATTEMPTS = 10
FIRST_PAUSE_SECONDS = 2
LONGEST_PAUSE_SECONDS = 3600


@dataclass(frozen=True)
class Job:
    """One row, claimed; `locked_at` is the proof that it is still ours."""

    id: int
    kind: str
    payload: dict[str, Any]
    attempts: int
    locked_at: datetime


def claim(connection: Connection[Any], kinds: list[str]) -> Job | None:
    """Take the job that waits longest, of a kind this release knows.

    Newer kinds are left to a newer worker. A job whose worker died is free again when its lease
    is over; its attempt stays counted, so a job that kills workers cannot do so for ever.
    """
    return (
        connection.cursor(row_factory=class_row(Job))
        .execute(
            "UPDATE jobs SET locked_at = now(), attempts = attempts + 1 WHERE id = ("
            "  SELECT id FROM jobs WHERE done_at IS NULL AND run_at <= now()"
            "   AND kind = ANY(%(kinds)s)"
            "   AND (locked_at IS NULL OR locked_at < now() - make_interval(secs => %(lease)s))"
            "  ORDER BY run_at FOR UPDATE SKIP LOCKED LIMIT 1)"
            " RETURNING id, kind, payload, attempts, locked_at",
            {"kinds": kinds, "lease": LEASE_SECONDS},
        )
        .fetchone()
    )


def finish(connection: Connection[Any], job: Job) -> bool:
    """Mark the job as done; False when the lease was lost, and then its work must not count."""
    done = connection.execute(
        "UPDATE jobs SET done_at = now(), error = NULL"
        " WHERE id = %(id)s AND locked_at = %(lock)s AND done_at IS NULL",
        {"id": job.id, "lock": job.locked_at},
    )
    return done.rowcount == 1


def postpone(connection: Connection[Any], job: Job, reason: str) -> None:
    """Give a failed job back with a pause that doubles; after the last attempt it is closed."""
    connection.execute(
        "UPDATE jobs SET locked_at = NULL, error = %(reason)s,"
        " run_at = now() + make_interval(secs => %(pause)s),"
        " done_at = CASE WHEN attempts >= %(most)s THEN now() END"
        " WHERE id = %(id)s AND locked_at = %(lock)s",
        {
            "id": job.id,
            "lock": job.locked_at,
            "reason": reason[:500],
            "most": MOST_ATTEMPTS,
            "pause": pause_after(job.attempts),
        },
    )


def pause_after(attempts: int) -> int:
    """Return the seconds to wait after so many failed attempts."""
    return int(min(FIRST_PAUSE_SECONDS * 2 ** (attempts - 1), LONGEST_PAUSE_SECONDS))


def seconds_to_next(connection: Connection[Any], kinds: list[str], most: float) -> float:
    """Return how long nothing is due, at most `most` seconds."""
    row = connection.execute(
        "SELECT extract(epoch FROM min(run_at) - now())::float8 FROM jobs"
        " WHERE done_at IS NULL AND locked_at IS NULL AND kind = ANY(%(kinds)s)",
        {"kinds": kinds},
    ).fetchone()
    wait = most if row is None or row[0] is None else row[0]
    return float(min(max(wait, 0.05), most))


def ensure_sweep(connection: Connection[Any], days: int) -> None:
    """See to it that one sweep waits, due in `days`; one that waits already stays as it is."""
    connection.execute(
        "INSERT INTO jobs (kind, run_at) VALUES ('sweep', now() + make_interval(days => %(days)s))"
        " ON CONFLICT DO NOTHING",
        {"days": days},
    )
