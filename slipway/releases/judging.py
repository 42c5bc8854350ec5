"""Judging the migrations of a checkout, without a database: `inv db.lint` here and in CI."""

from collections.abc import Sequence
from pathlib import Path

from slipway.errors import ConfigError, DifferenceFound
from slipway.migrations import files, lint, squawk, state
from slipway.migrations.review import Finding
from slipway.progress import Reporter
from slipway.project import COMPOSE
from slipway.releases.migrations import server_major


def judge(since: str, report: Reporter, compose: Path = COMPOSE) -> list[Finding]:
    """Find what is not safe in all files, or in those newer than a version.

    Raises ConfigError where a file cannot run as a migration at all.
    """
    everything = files.read(compose / "migrations")
    newest = state.order(since) if since else (-1, "")
    asked = [each for each in everything if state.order(each.version) > newest]
    if wrong := state.unrunnable(asked):
        raise ConfigError("\n".join(each.text for each in wrong))
    tool = squawk.find()
    if tool is None:
        report.note(squawk.SKIPPED)
    # Released apart, perhaps: what one file made, people use before the next runs.
    major = server_major(compose)
    return lint.lint(asked, server_major=major, squawk=tool, together=False)


def refuse(findings: Sequence[Finding]) -> None:
    """Raise DifferenceFound where something must not run on an environment in use."""
    blocking = lint.blocking(findings)
    if blocking:
        raise DifferenceFound(
            f"{len(blocking)} statement{'s are' if len(blocking) > 1 else ' is'} not safe while "
            "people use the database; change them, or say above each why it is well here: "
            "-- slipway:allow RULE REASON"
        )
