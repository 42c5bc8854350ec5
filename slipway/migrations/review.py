"""Reviewing migrations before they run: what each statement locks, and whether that is safe.

A comment before a statement allows what is known to be well there, and says why:
`-- slipway:allow ban-drop-column no release has read it since 41`; `-- slipway:allow-file …`
holds for the whole file. squawk's own `-- squawk-ignore` and `-- squawk-ignore-file` do too.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slipway.migrations.files import Migration
from slipway.migrations.rules import NO_LOCK, verdicts
from slipway.migrations.splitter import split
from slipway.migrations.statement import Statement
from slipway.migrations.verdict import Known, Risk

__all__ = ["Finding", "Known", "Risk", "allowed", "blocking", "review"]

_ALLOW = re.compile(r"slipway:allow(-file)?[ \t]+([\w-]+(?:[ \t]*,[ \t]*[\w-]+)*)[ \t]+(\S.*)")
_IGNORE = re.compile(r"squawk-ignore(-file)?(?:[ \t]+([\w-]+(?:[ \t]*,[ \t]*[\w-]+)*))?")
EVERY = "*"


@dataclass(frozen=True)
class Finding:
    """What one statement of a file does; `line` counts from the file's first.

    `rule` names what is wrong, nothing where it is safe; `allowed` is the reason of the comment
    that allows it.
    """

    filename: str
    line: int
    statement: str
    lock: str
    risk: Risk
    why: str
    instead: str = ""
    rule: str = ""
    allowed: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it must not run on an environment in use."""
        return self.risk is Risk.UNSAFE and not self.allowed

    def __str__(self) -> str:
        where = f"migrations/{self.filename}: line {self.line}"
        how = f"; instead: {self.instead}" if self.instead else ""
        return f"{where}: {self.rule or self.risk}: {self.why}{how}"


def review(migration: Migration, server_major: int, known: Known | None = None) -> list[Finding]:
    """Review a file's way up, statement by statement. `known` is what files before it made."""
    known = known or Known(server_major)
    known.begin_file(migration.up.in_transaction)
    statements = split(migration.up.text)
    of_file = allowed_in_file(statements)
    found = [
        finding
        for one in statements
        for finding in _findings(migration, one, known, {**of_file, **allowed(one)})
    ]
    return [*found, *_of_whole_file(migration, statements)]


def blocking(findings: Sequence[Finding]) -> list[Finding]:
    """Keep what must not run on an environment in use."""
    return [one for one in findings if one.blocks]


def _findings(
    migration: Migration, one: Statement, known: Known, allowances: dict[str, str]
) -> Iterator[Finding]:
    for verdict in verdicts(one, known):
        reason = allowances.get(verdict.rule) or allowances.get(EVERY, "")
        yield Finding(
            filename=migration.filename,
            line=migration.up.first_line + one.line - 1,
            statement=_short(one.text),
            lock=verdict.lock,
            risk=verdict.risk,
            why=verdict.why,
            instead=verdict.instead,
            rule=verdict.rule,
            allowed=reason if verdict.rule else "",
        )


def _of_whole_file(migration: Migration, statements: Sequence[Statement]) -> Iterator[Finding]:
    def careful(rule: str, why: str, instead: str) -> Finding:
        return Finding(migration.filename, 1, "", NO_LOCK, Risk.CAREFUL, why, instead, rule)

    if not statements:
        why = "does nothing, and can never be changed once it ran"
        yield careful("nothing-to-do", why, "write its SQL, or remove the file")
    elif migration.down is None:
        why = "has no way down, so it cannot be taken back"
        yield careful("no-way-down", why, "write what undoes it after -- migrate:down")


def allowed(one: Statement) -> dict[str, str]:
    """Read which rules the comments before a statement allow, with the reasons."""
    return dict(_allowances(one.comment, ""))


def allowed_in_file(statements: Sequence[Statement]) -> dict[str, str]:
    """Read which rules comments allow for the whole file."""
    return {rule: why for one in statements for rule, why in _allowances(one.comment, "-file")}


def _allowances(comment: str, scope: str) -> Iterator[tuple[str, str]]:
    for match in _ALLOW.finditer(comment):
        if (match[1] or "") == scope:
            yield from ((rule.strip(), match[3].strip()) for rule in match[2].split(","))
    for match in _IGNORE.finditer(comment):
        if (match[1] or "") == scope:
            yield from ((rule.strip(), match[0]) for rule in (match[2] or EVERY).split(","))


def _short(text: str, width: int = 100) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
