"""Restores a backup: proven before the server is touched, built beside the live one, swapped in."""

import contextlib
import time
from dataclasses import dataclass, field

from slipway.backups.format.manifest import new_id, stamp
from slipway.backups.restore import apart, compare, fill, local_dump, preflight, scrub, trial
from slipway.backups.restore.compare import DatabaseState, Expected
from slipway.backups.restore.fill_tables import demand_tables, fill_tables
from slipway.backups.restore.local_dump import DumpSource, LocalDump
from slipway.backups.restore.preflight import RestoreFindings, Target
from slipway.backups.restore.spec import RestorePreview, RestoreResult, RestoreSpec
from slipway.backups.take import dump as dumps
from slipway.database import identity, obstacles, properties, roles, siblings, swap
from slipway.database.connection import MAINTENANCE, Connection, NoDatabase, Server
from slipway.database.siblings import TextSettings
from slipway.environments import protection
from slipway.environments.protection import Here
from slipway.errors import Busy, Refused, UsageError
from slipway.plan import Plan, Step
from slipway.progress import Reporter

PATIENCE = 300.0  # for a backup of the live database to end, or for sessions that hang
RETRY = 10.0
APPLICATION = "slipway restore"


@dataclass
class Restore:
    """The state of one restore; each method of its plan is a step.

    Until the swap the live database is untouched and serves. Raises what must not be when it is
    made: production's data elsewhere without a scrub, another's data in production.
    """

    server: Server
    source: DumpSource
    spec: RestoreSpec
    reporter: Reporter
    session: Connection = field(init=False)  # to the server, not to the live database
    dump: LocalDump = field(init=False)
    target: Target = field(init=False)
    findings: RestoreFindings = field(init=False)
    restored: DatabaseState = field(init=False)
    empty_tables: frozenset[str] = frozenset()  # that others need, as `schema name`
    scrubbed: DatabaseState | None = None  # what was taken out of the server of the scrub
    replaced: str = ""  # what the database that was live is called now
    swap_seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.spec.tables and not self.spec.into:
            raise UsageError("single tables are restored into a new database only: add --into=NAME")
        apart.is_needed(self.origins, self.spec)
        scrub.check(self.spec.scrub)
        name = siblings.name_of(self.server.database, siblings.RESTORE, new_id())
        self.new = self.server.named(name)
        self.files = contextlib.ExitStack()

    @property
    def origins(self) -> frozenset[str]:
        """The environments whose data it is, as far as one knows before it is restored."""
        manifest = self.source.manifest
        return frozenset({manifest.environment if manifest else "", self.spec.origin} - {""})

    @property
    def target_name(self) -> str:
        """The name of the database that will hold the backup."""
        return self.spec.into or self.server.database

    def run(self) -> RestoreResult:
        """Run the plan while nobody else replaces this database. Raises Busy when somebody does."""
        began = time.monotonic()
        with siblings.alone(self.server, "restore") as self.session, self.files:
            siblings.drop_stale(self.session, self.server.database, self.reporter)
            self.check_target()
            for note in self.warnings():
                self.reporter.note(note)
            timings = self.plan().run(self.reporter)
        return RestoreResult(
            database=self.target_name,
            kept=self.replaced,
            rows=self.restored.rows,
            seconds=round(time.monotonic() - began, 3),
            swap_seconds=round(self.swap_seconds, 3),
            head=self.restored.head,
            timings=timings,
        )

    def preview(self) -> RestorePreview:
        """Look at the server, knowing only the manifest; change nothing."""
        with self.server.named(MAINTENANCE).connect() as self.session:
            self.check_target()
            target = preflight.look(self.session, self.spec.room)
            live = self.server.database
            held = [] if self.spec.into else obstacles.to_replacing(self.session, live)
        findings = self._judge(target, None)
        notes = (*self.warnings(), *findings.notes)
        return RestorePreview(self.plan(), target, (*findings.problems, *held), notes)

    def plan(self) -> Plan:
        """Return the steps of this restore."""
        beside, live = f"beside {self.server.database}", self.server.database
        steps = [
            Step(
                "fetch",
                "fetch it, verify its checksums, decode all of it",
                self.fetch,
                self.discard,
            ),
            *self._trial_steps(),
            Step("preflight", "check the server's versions, extensions, roles, disk", self.check),
            *self._scrub_steps(),
            Step("create", f"create an empty database {beside}", self.create, self.drop),
            Step("fill", "restore into it, in parallel, stop at the first error", self.fill),
            Step("compare", "compare rows, migrations, indexes with the backup", self.compare),
            Step("mark", f"mark it as a database of {self.spec.environment}", self.mark),
            Step("name", f"name it {self.spec.into}; {live} stays as it is", self.name)
            if self.spec.into
            else Step("swap", f"swap it with {live}, which is kept under a dated name", self.swap),
        ]
        return Plan(f"restore {self.source.label} into {self.target_name}", steps)

    # The steps

    def fetch(self) -> str:
        self.dump = self.files.enter_context(local_dump.fetch(self.source, self.reporter))
        return f"{self.source.label} is intact"

    def discard(self) -> None:
        """Give the room of the local dump back."""
        self.files.close()

    def try_alone(self) -> str:
        """Restore what nobody vouches for where it can do no harm."""
        manifest = self.source.manifest
        size = manifest.database_size if manifest else 0
        trial.try_alone(self.dump, self.source.label, self.reporter, size)
        return "it asks for no rights"

    def check(self) -> str:
        """Refuse what the server cannot take, now rather than after an hour."""
        self.target = preflight.look(self.session, self.spec.room)
        self.findings = self._judge(self.target, self.dump)
        preflight.demand(self.findings, self.source.label, self.reporter)
        if self.spec.untrusted and self.findings.is_super:
            raise Refused(
                f"{self.source.label} was not restored: it has no trusted signature, and one "
                "role, a superuser, does everything; give each part its own first: "
                f"inv db.roles --env={self.spec.environment}"
            )
        if self.spec.tables:
            demand_tables(self.dump, self.spec.tables)
        if not self.spec.into and siblings.is_there(self.session, self.server.database):
            swap.check(self.session, self.server.database)
        preflight.create_roles(self.session, self.findings.missing_roles, self.reporter)
        return f"the server can take it, with {self.findings.jobs} jobs"

    def scrub(self) -> str:
        """Scrub what comes from production, also by what the data says of itself."""
        if not apart.is_needed(self.origins | scrub.origins_in(self.dump), self.spec):
            return "it is not production's"
        apart.demand_version(dumps.client_version(), self.target.major)
        scrubbed = apart.scrub_alone(
            self.dump, self.source, self.spec, self.files, self.reporter, roles=self.target.roles
        )
        self.dump, self.scrubbed = scrubbed.dump, scrubbed.state
        return f"scrubbed with {scrubbed.statements} statements"

    def create(self) -> str:
        """Create a database that writes and sorts as the backed-up one did, where it can."""
        try:
            settings = self.source.manifest.locale if self.source.manifest else self._own_locale()
            siblings.create(self.session, self.new.database, settings)
        except siblings.LocaleUnavailable as error:
            own = self._own_locale()
            name = own.locale or own.collate
            self.reporter.note(f"{error}; it will sort as {self.server.database} does ({name})")
            siblings.create(self.session, self.new.database, own)
        return self.new.database

    def drop(self) -> None:
        siblings.drop(self.session, self.new.database)

    def fill(self) -> str | None:
        manifest = self.source.manifest
        if self.spec.tables:
            self.empty_tables = fill_tables(self.new, self.dump, self.reporter, self.spec.tables)
        else:
            size = manifest.database_size if manifest else 0
            fill.fill(self.new, self.dump, self.reporter, self.findings, size=size)
        roles.grant(self.new)
        fill.analyze(self.new, jobs=self.findings.jobs)
        return None

    def compare(self) -> str:
        self.restored = compare.look(self.new, self.reporter)
        self._demand_same()
        if self.restored.behind:
            names = ", ".join(self.restored.behind)
            self.reporter.note(
                f"the sequence {names} is behind the numbers in use, as it was in the backup"
            )
        self.discard()  # the swap may need its room
        return f"{self.restored.rows} rows"

    def mark(self) -> None:
        """Write down whose it is now, unless it says that it should not be here."""
        with self.new.connect(application=APPLICATION) as connection:
            origin = identity.read(connection)
            if origin and not self.scrubbed and apart.is_needed({origin}, self.spec):
                raise Refused(
                    f"it says that it is {origin}'s and was not scrubbed; nothing was swapped; "
                    f"add --origin={origin}"
                )
            if not self.spec.tables:
                identity.write(connection, self.spec.environment)

    def swap(self) -> str:
        """Replace the live database; where there is none, take its name."""
        live = self.server.database
        if not siblings.is_there(self.session, live):
            properties.open_to_all(self.session, self.new.database)
            siblings.rename(self.session, self.new.database, live)
            return f"there was no {live}; it is created"
        self.replaced, self.swap_seconds = replace(self.server, self.new.database, self.reporter)
        return f"swapped in {self.swap_seconds:.2f} s; the old one is kept as {self.replaced}"

    def name(self) -> str:
        """Give the new database the name that was asked for."""
        live = self.server.database
        if siblings.is_there(self.session, live):
            properties.copy(self.session, live, self.new.database, self.reporter)
        else:
            properties.open_to_all(self.session, self.new.database)
        siblings.rename(self.session, self.new.database, self.spec.into)
        return self.spec.into

    # What the steps are made of

    def _trial_steps(self) -> list[Step]:
        if not self.spec.untrusted:
            return []
        describe = "restore it alone, where it reaches no secret, by a role without rights"
        return [Step("try", describe, self.try_alone)]

    def warnings(self) -> list[str]:
        """Warn of a backup of a database of another name: moved here, or another project's."""
        live = self.server.database
        database = self.source.manifest.database if self.source.manifest else live
        if database == live:
            return []
        return [f"{self.source.label} is of {database}, and this is {live}: is that intended?"]

    def check_target(self) -> None:
        """Refuse a name that is taken, and the place of another environment's database."""
        into = self.spec.into
        if not into:
            # One that does not answer cannot say whose it is, and may be what is to be replaced.
            with contextlib.suppress(NoDatabase), self.server.connect() as live:
                identity.refuse_another(live, self.spec.environment)
            return
        if len(into.encode()) > siblings.LONGEST_NAME or not into.isprintable():
            raise UsageError(f"--into={into[:80]!a} is not a valid database name")
        if siblings.is_there(self.session, into):
            raise Refused(f"a database {into} exists already; nothing was changed; choose another")

    def _judge(self, target: Target, dump: LocalDump | None) -> RestoreFindings:
        return preflight.judge(
            target,
            self.source.manifest,
            dump,
            create_roles=self.spec.create_roles,
            has_roles=bool(self.server.application),
        )

    def _scrub_steps(self) -> list[Step]:
        if not protection.refuses(Here(self.spec.environment), "unscrubbed"):
            return []
        if scrub.is_due(self.origins, self.spec.environment):
            describe = "restore it alone, scrub the data of users there, dump it again"
            return [Step("scrub", describe, self.scrub)]
        return [Step("origin", "read in it whose data it is; scrub production's alone", self.scrub)]

    def _own_locale(self) -> TextSettings:
        live = self.server.database
        is_there = siblings.is_there(self.session, live)
        return siblings.text_settings(self.session, live if is_there else "template1")

    def _demand_same(self) -> None:
        expected: Expected | None = self.scrubbed or self.source.manifest
        if expected is None:
            return
        if self.spec.tables:
            problems = compare.differences_of_tables(expected, self.restored, self.empty_tables)
        else:
            left_out = not self.findings.is_super
            problems = compare.differences(expected, self.restored, left_out=left_out)
        compare.demand(problems)


def replace(server: Server, name: str, reporter: Reporter) -> tuple[str, float]:
    """Put a filled database in the live one's place; return the old one's name and the seconds.

    What is at work in the live one may end first: much work is in the new one by now.
    """
    with server.named(MAINTENANCE).connect() as session:
        properties.copy(session, server.database, name, reporter)
    properties.note_publications(server, name, reporter)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return swap.swap(server, name, stamp())
        except (Busy, swap.SwapBlocked) as error:
            if time.monotonic() > deadline:
                raise
            reporter.note(f"waiting to swap: {error}")
            time.sleep(RETRY)
