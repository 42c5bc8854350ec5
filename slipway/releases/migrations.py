"""What a release does to the database: which migrations are new, whether they are safe, a backup
before them, and the one run of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.environments.environment import Environment
from slipway.errors import ConfigError, DifferenceFound, Refused, SlipwayError
from slipway.images import dockerfile
from slipway.machines.connect import Cluster
from slipway.migrations import files, squawk, state
from slipway.migrations.files import Migration
from slipway.progress import Reporter, Silent
from slipway.project import COMPOSE
from slipway.releases import jobs, release_jobs, task_failures
from slipway.releases.release import Release

if TYPE_CHECKING:
    from slipway.migrations.review import Finding

OPS = "ops/Dockerfile"  # stands on the image of the database's own version
MAJOR = re.compile(r"(?:^|/)postgres:(\d+)")


@dataclass(frozen=True)
class SchemaChange:
    """The migrations that a release has and the live one had not."""

    env: Environment
    release: Release
    live: Release | None
    reporter: Reporter

    @property
    def pending(self) -> list[Migration]:
        """The files that are new; what the database itself has is looked at when they run."""
        return self._by_release()[1]

    def _by_release(self) -> tuple[list[Migration], list[Migration]]:
        """Read the files that the live release has, and those that are new."""
        applied = self.live.migration_head if self.live else ""
        everything = files.read(self.env.compose / "migrations")
        earlier = [migration for migration in everything if migration.version <= applied]
        return earlier, [migration for migration in everything if migration.version > applied]

    @property
    def wants_backup(self) -> bool:
        """Whether there is something that these migrations could spoil."""
        if self.live is None or self.env.is_throwaway or not self.env.switch("MIGRATION_BACKUP"):
            return False
        if self.pending:
            return True
        has_own = release_jobs.may_migrate(self.env, self.release, self.live)
        return has_own and self.release.operations is not None

    def findings(self) -> list["Finding"]:
        """Judge the new files, without asking the database."""
        earlier, pending = self._by_release()
        if not pending:
            return []
        from slipway.migrations import lint

        tool = squawk.find()
        if tool is None:
            self.reporter.note(squawk.SKIPPED)
        major = server_major(self.env.compose)
        return lint.lint(pending, server_major=major, squawk=tool, earlier=earlier)

    def check(self) -> None:
        """Refuse statements that would hurt who is using the database now. Raises Refused."""
        if self.live is None:
            return  # nobody is using it
        if blocking := [finding for finding in self.findings() if finding.blocks]:
            lines = "".join(f"\n    {finding}" for finding in blocking)
            raise Refused(
                f"{len(blocking)} statement{'s' * (len(blocking) > 1)} of the migrations "
                f"{'are' if len(blocking) > 1 else 'is'} not safe while {self.env.name} "
                "serves; change them, or justify each with a comment above it "
                f"(-- slipway:allow RULE REASON). Nothing was changed{lines}"
            )

    def back_up(self, cluster: Cluster) -> str:
        """Take a backup before the schema changes."""
        from slipway.client import backups, container
        from slipway.client.session import Session

        where = container.deployed(cluster.all, self.env.prefix, self.env.name)
        session = Session(self.env, where, cluster)
        return backups.take(session, _StepNotes(self.reporter)).summary

    def migrate(self, cluster: Cluster) -> str:
        """Run the service called migrations once, whatever the number of machines."""
        own = release_jobs.of(self.release)  # a project may have its own in place of the kit's
        jobs_there = (s for s in self.release.of("job") if s not in own)
        service = next((s for s in jobs_there if s.name == "migrations"), None)
        if service is None:
            return "no service called migrations"
        job = jobs.Job(service, timeout=self.env.number("MIGRATION_TIMEOUT"))
        outcome = jobs.run(cluster.manager, self.env, self.release, job, self.reporter)
        if not outcome.succeeded:
            lines = "".join(f"\n    {line}" for line in outcome.lines[-task_failures.LOG_LINES :])
            raise SlipwayError(f"the migrations failed ({outcome.error}){lines}")
        return outcome.lines[-1] if outcome.lines else "done"


def server_major(compose: Path) -> int:
    """Read from the image that the tools stand on which PostgreSQL will run the files."""
    named = dockerfile.bases_of(compose / OPS)
    majors = [match[1] for match in map(MAJOR.search, named) if match]
    return int(majors[-1]) if majors else 17


def review_checkout(since: str, report: Reporter, compose: Path = COMPOSE) -> list["Finding"]:
    """Find what is not safe in all files, or in those newer than a version.

    Raises ConfigError where a file cannot run as a migration at all.
    """
    from slipway.migrations import lint

    everything = files.read(compose / "migrations")
    newest = state.order(since) if since else (-1, "")
    newer = [migration for migration in everything if state.order(migration.version) > newest]
    earlier = [migration for migration in everything if state.order(migration.version) <= newest]
    if problems := state.unrunnable(newer):
        raise ConfigError("\n".join(problem.text for problem in problems))
    tool = squawk.find()
    if tool is None:
        report.note(squawk.SKIPPED)
    # Released apart, perhaps: what one file made, people use before the next runs.
    major = server_major(compose)
    return lint.lint(newer, server_major=major, squawk=tool, together=False, earlier=earlier)


def demand_safe(findings: Sequence["Finding"]) -> None:
    """Raise DifferenceFound where something must not run on an environment in use."""
    if blocking := [finding for finding in findings if finding.blocks]:
        raise DifferenceFound(
            f"{len(blocking)} statement{'s are' if len(blocking) > 1 else ' is'} not safe while "
            "people use the database; change them, or justify each with a comment above it: "
            "-- slipway:allow RULE REASON"
        )


class _StepNotes(Silent):
    """Passes on sentences, and progress as one; the step's own line has no room for a bar."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def note(self, text: str) -> None:
        self._reporter.note(text)

    def progress(self, label: str, current: int, total: int) -> None:
        if current:
            self._reporter.note(f"{label}: {current / 1e6:.0f} MB")
