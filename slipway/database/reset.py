"""Resets a database: an empty one is filled beside it and takes its place, and the old one goes.

The old database serves until the new one is filled, so a reset that fails or is killed changed
nothing, or everything; a sibling it left is dropped by the next one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from slipway.database import identity, properties, seed, siblings
from slipway.database import swap as swapping
from slipway.database.connection import MAINTENANCE, Connection, Server
from slipway.environments import protection
from slipway.environments.protection import Here
from slipway.errors import Busy, Refused, SlipwayError, first_line
from slipway.plan import Plan, Step
from slipway.progress import Reporter

PATTERN = "template1"  # how a database that is missing altogether is to write and sort
APPLICATION = "slipway reset"


@dataclass(frozen=True)
class ResetSpec:
    """What is asked for, and what the rooms above do at two moments, each told how it ended."""

    environment: str  # that the person named
    setting: str  # the one that the container's settings name
    back_up: Callable[[], str]  # while nothing is changed yet
    migrate: Callable[[Server], str]  # the new database
    seeds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ResetPreview:
    """What a reset would do, and what it would meet."""

    plan: Plan
    notes: Sequence[str]


@dataclass(frozen=True)
class ResetResult:
    """A reset that is over; `seconds` is how long new connections had to wait."""

    ended: int  # sessions
    seconds: float


@dataclass
class Reset:
    """The state of one reset; each method of its plans is a step."""

    server: Server
    spec: ResetSpec
    reporter: Reporter
    session: Connection = field(init=False)  # to the server, not to the live database
    exists: bool = field(init=False)  # whether there is a database to replace
    needs_backup: bool = field(init=False)
    ended: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        # The old one will be named as something left over too, so that the next run drops it if
        # this one is killed between the swap and the drop.
        self.old = siblings.name_of(self.live, siblings.RESTORE, f"{self.at}-0000")
        self.new = siblings.name_of(self.live, siblings.RESTORE, f"{self.at}-0001")

    @property
    def live(self) -> str:
        """The name of the database that is reset."""
        return self.server.database

    def run(self) -> ResetResult:
        """Run the plan while nobody else replaces this database.

        Raises Refused or Busy before anything is changed.
        """
        import psycopg

        try:
            with siblings.alone(self.server, "reset") as self.session:
                self.look()
                siblings.drop_stale(self.session, self.live, self.reporter)
                self.plan().run(self.reporter)
                self.tidying().run(self.reporter)
        except psycopg.OperationalError as error:
            raise SlipwayError(
                f"the connection to {self.server.host}:{self.server.port} was lost "
                f"({first_line(error)}); the old database serves, or the new one if it was "
                "swapped in; run this again"
            ) from None
        return ResetResult(self.ended, self.seconds)

    def preview(self) -> ResetPreview:
        """Check what a reset would need; change nothing."""
        with self.server.named(MAINTENANCE).connect(application=APPLICATION) as session:
            self.session = session
            self.look()
            plan, sessions = self.plan(), self._sessions()
        steps = [*plan.steps, *self.tidying().steps]
        notes = [f"it will end connections: {_list(sessions)}"] if sessions else []
        return ResetPreview(Plan(plan.title, steps), notes)

    def look(self) -> None:
        """Find out what there is. Raises Refused or Busy for what must not be replaced."""
        self.exists = siblings.is_there(self.session, self.live)
        _check_rights(self.session, self.live, exists=self.exists)
        row = self._identity() if self.exists else None
        identity.refuse_unless(self.spec.environment, self.spec.setting, row, "reset")
        if self.exists:
            swapping.check(self.session, self.live)
        # Where it is not what it says, even dev's may hold what somebody needs.
        is_kept = protection.refuses(Here(self.spec.setting), "discard")
        self.needs_backup = self.exists and (is_kept or row != self.spec.setting)

    def plan(self) -> Plan:
        """Return the steps; until the last one is done the old database serves."""
        spec, live = self.spec, self.live
        files = ", ".join(spec.seeds) or "no files"
        steps = [
            Step("back up", f"back up {live}", spec.back_up),
            Step("create", f"create an empty database next to {live}", self.create, self.drop_new),
            Step("migrate", "apply all migrations to it", self.migrate),
            Step("seed", f"insert the sample rows: {files}", self.seed),
            Step("swap", f"swap it with {live}, whose connections end", self.swap)
            if self.exists
            else Step("name", f"name it {live}; there is none to replace", self.name),
        ]
        steps = steps if self.needs_backup else steps[1:]
        return Plan(f"reset {live} of {spec.setting}", steps)

    def tidying(self) -> Plan:
        """Return the step after the point of no return."""
        steps = [Step("drop", f"drop the old {self.live}", self.drop_old)] if self.exists else []
        return Plan(f"tidy up after the reset of {self.live}", steps)

    # The steps

    def create(self) -> str:
        pattern = self.live if self.exists else PATTERN
        siblings.create(self.session, self.new, siblings.text_settings(self.session, pattern))
        return self.new

    def drop_new(self) -> None:
        if siblings.is_there(self.session, self.new):
            siblings.drop(self.session, self.new)
            self.reporter.note(f"{self.live} is unchanged")

    def migrate(self) -> str:
        return self.spec.migrate(self.server.named(self.new))

    def seed(self) -> str:
        """Put the sample rows in, and mark which environment the database is of."""
        new = self.server.named(self.new)
        names = seed.run(new, self.spec.seeds, self.reporter)
        with new.connect(application=APPLICATION) as connection:
            identity.write(connection, self.spec.setting)
        return ", ".join(names) or "no files"

    def swap(self) -> str:
        properties.copy(self.session, self.live, self.new, self.reporter)
        properties.note_publications(self.server, self.new, self.reporter)
        sessions = self._sessions()
        if sessions:
            self.reporter.note(f"ending connections: {_list(sessions)}")
        self.ended = sum(sessions.values())
        moment, kind = f"{self.at}-0000", siblings.RESTORE
        self.old, self.seconds = swapping.swap(self.server, self.new, moment, kind=kind)
        return f"swapped in {self.seconds:.2f} s"

    def name(self) -> str:
        properties.open_to_all(self.session, self.new)
        siblings.rename(self.session, self.new, self.live)
        return self.live

    def drop_old(self) -> str:
        """Drop the replaced one; the next reset drops what stays now."""
        try:
            siblings.drop(self.session, self.old)
        except (Busy, Refused) as error:
            self.reporter.note(str(error))
            return f"{self.old} stays"
        return self.old

    # What the steps are made of

    def _identity(self) -> str | None:
        with self.server.connect(application=APPLICATION) as connection:
            return identity.read(connection)

    def _sessions(self) -> dict[str, int]:
        """Count whose connections will end."""
        rows = self.session.execute(
            "SELECT coalesce(nullif(application_name, ''), 'without a name'), usename, count(*)"
            " FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
            " AND pid <> pg_backend_pid() GROUP BY 1, 2 ORDER BY 3 DESC, 1",
            [self.live],
        ).fetchall()
        return {f"{application} ({user})": count for application, user, count in rows}


def _check_rights(session: Connection, database: str, *, exists: bool) -> None:
    row = session.execute(
        "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool,"
        " rolsuper OR rolcreatedb, coalesce((SELECT pg_has_role(datdba, 'MEMBER')"
        " FROM pg_database WHERE datname = %s), true) FROM pg_roles WHERE rolname = current_user",
        [database],
    ).fetchone()
    reads_only, may_create, owns = row or (False, False, False)
    user = session.info.user
    if reads_only:
        raise Refused(
            f"the server at {session.info.host} only reads (a replica?), so nothing can be reset "
            "there; nothing was changed"
        )
    if not may_create:
        raise Refused(
            f"the role {user} may not create databases; nothing was changed; as an administrator "
            f'of the server: alter role "{user}" createdb'
        )
    if exists and not owns:
        raise Refused(f"{database} belongs to another role than {user}; nothing was changed")


def _list(sessions: Mapping[str, int]) -> str:
    return ", ".join(f"{count} of {name}" for name, count in sessions.items())
