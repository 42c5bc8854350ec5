"""squawk, a linter for PostgreSQL migrations, where it is installed: a second pair of eyes."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from slipway import child_environment
from slipway.errors import SlipwayError
from slipway.migrations.files import Migration

SKIPPED = "squawk is not installed, so only Slipway's own review was done; pip install squawk-cli"
# What stops a migration; how a team likes its SQL (prefer-…, require-timeout…) is not for us.
BLOCKING = frozenset(
    {
        *("adding-field-with-default", "adding-foreign-key-constraint", "adding-required-field"),
        *("adding-not-nullable-field", "adding-serial-primary-key-field", "ban-drop-column"),
        *("ban-alter-domain-with-add-constraint", "ban-drop-database", "ban-drop-schema"),
        *("ban-drop-table", "ban-truncate-cascade", "changing-column-type", "renaming-column"),
        *("constraint-missing-not-valid", "disallowed-unique-constraint", "renaming-table"),
        *("require-concurrent-index-creation", "require-concurrent-reindex"),
    }
)
NOTED = frozenset({"syntax-error", "identifier-too-long", "ban-duplicate-column-assignments"})
SECONDS = 60


class SquawkEntry(TypedDict):
    """One entry of what squawk reports as JSON, with what is read of it; `line` counts from 0."""

    file: str
    line: int
    rule_name: str
    message: str
    help: str | None


@dataclass(frozen=True)
class SquawkFinding:
    """What squawk says of a line, counted from 1 in the migration's file."""

    filename: str
    line: int
    rule: str
    why: str
    instead: str

    @property
    def blocks(self) -> bool:
        return self.rule in BLOCKING


def find(path: str | None = None, beside: Path = Path(sys.executable).parent) -> Path | None:
    """Find squawk beside this Python or on the path."""
    path_of_squawk = shutil.which("squawk", path=str(beside)) or shutil.which("squawk", path=path)
    return Path(path_of_squawk) if path_of_squawk else None


def remarks(
    squawk: Path, migrations: Sequence[Migration], server_major: int
) -> list[SquawkFinding]:
    """Ask squawk about the ways up; keep what we hold to. Raises SlipwayError."""
    findings: list[SquawkFinding] = []
    for in_transaction in (True, False):
        alike = [
            migration for migration in migrations if migration.up.in_transaction is in_transaction
        ]
        if alike:
            options = ["--pg-version", f"{server_major}.0"]
            options += ["--assume-in-transaction"] if in_transaction else []
            findings += _ask(squawk, alike, options)
    return findings


def _ask(
    squawk: Path, migrations: Sequence[Migration], options: Sequence[str]
) -> list[SquawkFinding]:
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for number, migration in enumerate(migrations):
            # A name of our own: the file's may begin with a dash, or be a pattern to squawk.
            path = Path(folder) / f"{number}.sql"
            path.write_text(
                "\n" * (migration.up.first_line - 1) + migration.up.text + "\n", encoding="utf-8"
            )
            names[str(path)] = migration.filename
        argv = [str(squawk), "--reporter", "json", *options, *names]
        try:
            child_env = child_environment.made(argv[0])
            process = subprocess.run(
                argv, env=child_env, capture_output=True, timeout=SECONDS, check=False
            )
            entries = json.loads(process.stdout)
        except (OSError, subprocess.TimeoutExpired, ValueError) as error:
            raise SlipwayError(
                f"{squawk} gave no answer ({type(error).__name__}), so nothing was linted; "
                "remove it or reinstall squawk-cli"
            ) from None
    return list(_kept(entries, names))


def _kept(entries: Sequence[SquawkEntry], names: dict[str, str]) -> Iterator[SquawkFinding]:
    for entry in entries:
        rule = str(entry["rule_name"])
        if rule in BLOCKING | NOTED:
            yield SquawkFinding(
                filename=names[entry["file"]],
                line=int(entry["line"]) + 1,
                rule=rule,
                why=_sentence(entry["message"]),
                instead=_sentence(entry["help"] or ""),
            )


def _sentence(text: str) -> str:
    """Make a squawk's sentence a part of ours: no capital, no full stop."""
    text = " ".join(text.split()).rstrip(".")
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
