"""What is applied, what is pending and what is wrong, from the files and the journal alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from slipway.errors import ConfigError
from slipway.migrations.files import Migration
from slipway.migrations.journal import Direction, Journal, JournalEntry, script, statements
from slipway.migrations.splitter import refuse

Trouble = Literal["half done", "edited", "missing", "out of order", "unrunnable", "ahead"]


@dataclass(frozen=True)
class StateProblem:
    """Something that keeps migrations from running; `text` says what, and what to do."""

    kind: Trouble
    version: str
    text: str


@dataclass(frozen=True)
class MigrationState:
    """The files of a checkout beside the journal of a database."""

    files: Sequence[Migration]
    journal: Journal
    pending: Sequence[Migration]
    problems: Sequence[StateProblem]

    @property
    def in_the_way(self) -> list[StateProblem]:
        """What has to be settled before anything runs; a database that is ahead is only told."""
        return [each for each in self.problems if each.kind != "ahead"]

    @property
    def half_done(self) -> JournalEntry | None:
        """The file that was begun without a transaction and not ended."""
        entries = self.journal.entries.values()
        return next((each for each in entries if each.state == "started"), None)

    @property
    def unseen(self) -> list[Migration]:
        """Files whose versions are applied, and whose sums nobody has recorded."""
        entries = self.journal.entries
        return [
            each
            for each in self.files
            if (entry := entries.get(each.version))
            and entry.state == "done"
            and (not entry.sha256 or entry.gone)
        ]

    @property
    def applied(self) -> list[JournalEntry]:
        """What is applied whole, oldest first."""
        entries_applied = (each for each in self.journal.entries.values() if each.state == "done")
        return sorted(entries_applied, key=lambda each: order(each.version))

    def is_late(self, migration: Migration) -> bool:
        """Whether something newer than a file is applied."""
        return order(migration.version) < self.newest

    @cached_property
    def newest(self) -> tuple[int, str]:
        return max((order(each.version) for each in self.applied), default=(-1, ""))


def compare(
    files: Sequence[Migration], journal: Journal, *, accepted: Collection[str] = ()
) -> MigrationState:
    """Put files and journal side by side; nothing is read or changed."""
    entries = journal.entries
    newest = max((order(v) for v, e in entries.items() if e.state == "done"), default=(-1, ""))
    pending = [each for each in files if each.version not in entries]
    problems = [_half_done(each, files) for each in entries.values() if each.state == "started"]
    for migration in files:
        entry = entries.get(migration.version)
        if entry is None:
            if order(migration.version) < newest:
                problems.append(_late(migration, newest[1]))
        elif _is_edited(migration, entry) and migration.version not in accepted:
            problems.append(_edited(migration, entry))
    problems += _missing(files, entries, accepted)
    return MigrationState(files, journal, pending, problems)


def order(version: str) -> tuple[int, str]:
    """Sort versions as numbers; what another tool wrote and is none comes first."""
    return (int(version), version) if version.isdecimal() else (-1, version)


def unrunnable(files: Sequence[Migration], direction: Direction = "up") -> list[StateProblem]:
    """Find statements that cannot run as a migration, in all of these files."""
    problems = []
    for migration in files:
        text = script(migration, direction)
        try:
            refuse(
                statements(text),
                text.in_transaction,
                filename=migration.filename,
                first_line=text.first_line,
            )
        except ConfigError as error:
            problems += [
                StateProblem("unrunnable", migration.version, line)
                for line in str(error).splitlines()
            ]
    return problems


def way_on(entry: JournalEntry) -> str:
    """Say what to type after a file was left half done."""
    verb = "migrate" if entry.direction == "up" else "rollback"
    if entry.begun == entry.ended:
        before = f"{entry.ended} of {entry.statements} statements are done"
        again = f"continue after them with `inv db.{verb} --resume-from={entry.ended + 1}`"
    else:
        before = f"statement {entry.begun} of {entry.statements} was sent, and its end was not seen"
        again = (
            f"check whether it is done, then type `inv db.{verb} --resume-from={entry.begun}` "
            f"(to run it again) or `--resume-from={entry.begun + 1}`"
        )
    return (
        f"{before}; {again}, or finish it by hand and type `inv db.migrate --mark=applied` or "
        f"`--mark=pending`"
    )


def _half_done(entry: JournalEntry, files: Sequence[Migration]) -> StateProblem:
    name = next((each.filename for each in files if each.version == entry.version), entry.version)
    what = "applied" if entry.direction == "up" else "rolled back"
    text = f"migrations/{name} was left half {what}, without a transaction: {way_on(entry)}"
    return StateProblem("half done", entry.version, text)


def _is_edited(migration: Migration, entry: JournalEntry) -> bool:
    return entry.state == "done" and bool(entry.sha256) and entry.sha256 != migration.sha256


def _edited(migration: Migration, entry: JournalEntry) -> StateProblem:
    return StateProblem(
        "edited",
        migration.version,
        f"migrations/{migration.filename} was edited after it was applied: sha256 "
        f"{entry.sha256[:12]} then, {migration.sha256[:12]} now; restore the old text and write a "
        f"new migration, or accept the new text with --accept={migration.version}",
    )


def _late(migration: Migration, newest: str) -> StateProblem:
    return StateProblem(
        "out of order",
        migration.version,
        f"migrations/{migration.filename} is older than {newest}, which is applied: rename it "
        "to a newer version, or apply it all the same with --allow-out-of-order",
    )


def _missing(
    files: Sequence[Migration], entries: Mapping[str, JournalEntry], accepted: Collection[str]
) -> list[StateProblem]:
    here = {each.version for each in files}
    head = max((order(each.version) for each in files), default=(-1, ""))
    problems = []
    for version in sorted(entries.keys() - here, key=order):
        entry = entries[version]
        if entry.gone or entry.state == "started" or version in accepted:
            continue
        name = f"{version}_{entry.name}.sql" if entry.name else version
        if order(version) > head:
            # As after a return to an older release, which its schema must outlive.
            text = f"migrations/{name} is applied and newer than all files here"
            problems.append(StateProblem("ahead", version, text))
        else:
            text = (
                f"migrations/{name} is applied and its file is missing: restore it, or confirm "
                f"that it was deleted on purpose with --accept={version}"
            )
            problems.append(StateProblem("missing", version, text))
    return problems
