"""Reviewing migrations before they run: what each statement locks, and whether that is safe.

A comment before a statement allows what is known to be well there, and says why:
`-- slipway:allow ban-drop-column no release has read it since 41`; `-- slipway:allow-file …`
holds for the whole file. squawk's own `-- squawk-ignore` and `-- squawk-ignore-file` do too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from slipway.migrations.files import Migration
from slipway.migrations.known_schema import KnownSchema
from slipway.migrations.names import DEFAULT_PATH
from slipway.migrations.rules import verdicts
from slipway.migrations.splitter import problems, split
from slipway.migrations.statement import Statement
from slipway.migrations.verdict import NO_LOCK, Risk

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
    is_new: bool = False  # it is done to something that nobody can be using yet

    @property
    def blocks(self) -> bool:
        """Whether it must not run on an environment in use."""
        return self.risk is Risk.UNSAFE and not self.allowed

    def __str__(self) -> str:
        where = f"migrations/{self.filename}: line {self.line}"
        how = f"; instead: {self.instead}" if self.instead else ""
        return f"{where}: {self.rule or self.risk}: {self.why}{how}"


def review(
    migration: Migration, server_major: int, schema: KnownSchema | None = None
) -> list[Finding]:
    """Review a file's way up, statement by statement. `schema` is what files before it made.

    Of the way down only what cannot run at all is told.
    """
    schema = schema or KnownSchema(server_major)
    schema.begin_file(migration.up.in_transaction)
    statements = split(migration.up.text)
    findings = list(_unrunnable(migration))
    findings += [
        finding
        for statement in statements
        for finding in _findings(migration, statement, schema, allowances(statement, statements))
    ]
    return [*findings, *_of_whole_file(migration, statements)]


def learn(
    earlier: Sequence[Migration], server_major: int, path: tuple[str, ...] = DEFAULT_PATH
) -> KnownSchema:
    """Read what files that have run say of columns and constraints; nothing in them is new.

    `path` is the search path that sessions begin with, where somebody has asked the database.
    """
    schema = KnownSchema(server_major, first_path=path)
    for migration in earlier:
        schema.begin_file(migration.up.in_transaction)
        for statement in split(migration.up.text):
            list(verdicts(statement, schema))
    schema.forget_new()
    return schema


def _findings(
    migration: Migration, statement: Statement, schema: KnownSchema, allowed: Mapping[str, str]
) -> Iterator[Finding]:
    for verdict in verdicts(statement, schema):
        yield Finding(
            filename=migration.filename,
            line=migration.up.first_line + statement.line - 1,
            statement=shorten(statement.text),
            lock=verdict.lock,
            risk=verdict.risk,
            why=verdict.why,
            instead=verdict.instead,
            rule=verdict.rule,
            allowed=reason(allowed, verdict.rule),
            is_new=verdict.is_new,
        )


def _unrunnable(migration: Migration) -> Iterator[Finding]:
    """Find what will be refused when it is to run, in both directions."""
    for script in filter(None, (migration.up, migration.down)):
        for statement, problem in problems(split(script.text), script.in_transaction):
            yield Finding(
                filename=migration.filename,
                line=script.first_line + statement.line - 1,
                statement=shorten(statement.text),
                lock=NO_LOCK,
                risk=Risk.UNSAFE,
                why=problem,
                rule="cannot-run",
            )


def _of_whole_file(migration: Migration, statements: Sequence[Statement]) -> Iterator[Finding]:
    def careful(rule: str, why: str, instead: str) -> Finding:
        return Finding(migration.filename, 1, "", NO_LOCK, Risk.CAREFUL, why, instead, rule)

    if not statements:
        why = "does nothing, and can never be changed once it ran"
        yield careful("nothing-to-do", why, "write its SQL, or remove the file")
    elif migration.down is None:
        why = "has no down migration, so it cannot be rolled back"
        yield careful(
            "no-way-down",
            why,
            "write what undoes it after -- migrate:down, a mark that dbmate requires",
        )


def allowances(statement: Statement, statements: Sequence[Statement]) -> Mapping[str, str]:
    """Read which rules comments allow for a statement, before it or for its file, and why."""
    of_file = {rule: why for each in statements for rule, why in _allowances(each.comment, "-file")}
    return {**of_file, **dict(_allowances(statement.comment, ""))}


def reason(allowed: Mapping[str, str], rule: str) -> str:
    """Say why a rule is allowed; nothing where it is not."""
    return (allowed.get(rule) or allowed.get(EVERY, "")) if rule else ""


def _allowances(comment: str, scope: str) -> Iterator[tuple[str, str]]:
    for match in _ALLOW.finditer(comment):
        if (match[1] or "") == scope:
            yield from ((rule.strip(), match[3].strip()) for rule in match[2].split(","))
    for match in _IGNORE.finditer(comment):
        if (match[1] or "") == scope:
            yield from ((rule.strip(), match[0]) for rule in (match[2] or EVERY).split(","))


def shorten(text: str, width: int = 100) -> str:
    """Give a statement in one line that fits a screen."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
