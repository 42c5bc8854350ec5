"""Our review against the cases of squawk's rules: what each calls unsafe, and what not.

`python -m tests.peers.squawk CHECKOUT`: a clone of github.com/sbdchd/squawk. A case is of one rule:
where squawk finds something, our review has to stop the migration, by whatever rule; where it finds
nothing, ours must not stop it by the rule of that name. What stands between BEGIN and COMMIT is a
file, and what stands outside is one without a transaction.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slipway.migrations import files, squawk
from slipway.migrations.known_schema import KnownSchema
from slipway.migrations.review import review
from slipway.migrations.splitter import split
from tests.peers.comparison import Comparison

TEST = re.compile(r"#\[test\]\s+fn (\w+)\(\) \{(.*?)^    \}", re.MULTILINE | re.DOTALL)
SQL = re.compile(r'let sql = (?:r#*"(.*?)"#*|"(.*?)");', re.DOTALL)
LINTED = re.compile(r"lint_(ok|errors)(?:_with)?\(")
RULE = re.compile(r"Rule::(\w+)")
VERSION = re.compile(r'pg_version: "(\d+)')
OLDEST = 15
BEGIN, END = ("BEGIN", "START TRANSACTION"), ("COMMIT", "END")
COMPARED = squawk.BLOCKING | {
    "ban-concurrent-index-creation-in-transaction",
    "require-concurrent-index-deletion",
    "require-concurrent-partition-detach",
}
STYLE = "rules of style, of timeouts and of BEGIN and COMMIT, which are not for this review"
OLD = f"a PostgreSQL before {OLDEST}"
UNKNOWN = "a function that PostgreSQL does not have as a default: noted, or taken for its own"
TYPE = "a cast to text or varchar of a column whose type no file before says: noted"
MEASURED = "what was measured to be short, or to hold up writes: docs/locks.md"
ELSEWHERE = "what validates a constraint of which no file before says anything proves nothing here"
DECLARED = {
    "adding_field_with_default: arbitrary_func_err": UNKNOWN,
    "adding_field_with_default: default_random_with_args_err": UNKNOWN,
    "adding_field_with_default: default_uuid_error": UNKNOWN,
    "adding_foreign_key_constraint: add_column_references_lock": MEASURED,
    "adding_not_null_field: pg12_cross_migration_validate_then_set_not_null_ok": ELSEWHERE,
    "adding_not_null_field: pg16_cross_migration_validate_then_set_not_null_ok": ELSEWHERE,
    "ban_alter_domain_with_add_constraint: ok": MEASURED,
    "changing_column_type: another_err": TYPE,
    "changing_column_type: err": TYPE,
    "require_concurrent_partition_detach: detach_partition_missing_concurrently_err": MEASURED,
    "require_concurrent_reindex: reindex_system_ok": MEASURED,
}


@dataclass(frozen=True)
class Case:
    """SQL that a rule is tried on, and whether it finds something there."""

    name: str
    rule: str
    sql: str
    unsafe: bool
    in_transaction: bool
    major: int


def cases(folder: Path) -> Iterator[Case]:
    """Read the tests of all rules, but for those of what squawk rewrites."""
    for path in sorted(folder.glob("*.rs")):
        text = path.read_text(encoding="utf-8")
        own = RULE.findall(text)
        for name, body in TEST.findall(text):
            sql, linted, version = (each.search(body) for each in (SQL, LINTED, VERSION))
            if sql and linted:
                yield Case(
                    name=f"{path.stem}: {name}",
                    rule=re.sub(r"(?<!^)(?=[A-Z])", "-", (RULE.findall(body) or own)[0]).lower(),
                    sql=sql[1] or sql[2],
                    unsafe=linted[1] == "errors",
                    in_transaction="assume_in_transaction: true" in body,
                    major=int(version[1]) if version else 17,
                )


def as_files(case: Case) -> Iterator[files.Migration]:
    """Write a case as migrations, each of which is one transaction or has none."""
    within, held = case.in_transaction, list[str]()
    for statement in [*split(f"{case.sql};\n"), None]:
        if statement is None or statement.kind in (*BEGIN, *END):
            if held:
                option = "" if within else " transaction:false"
                text = f"-- migrate:up{option}\n{''.join(held)}"
                yield files.parse("1_case.sql", text)
            within, held = case.in_transaction, []
            within = within or (statement is not None and statement.kind in BEGIN)
        else:
            held.append(f"{statement.comment}\n{statement.text};\n")


def rules_that_stop(case: Case) -> set[str]:
    """Return the rules by which our review stops a case."""
    schema = KnownSchema(max(case.major, OLDEST))
    findings = [each for file in as_files(case) for each in review(file, schema.major, schema)]
    return {finding.rule for finding in findings if finding.blocks}


def main() -> int:
    """Print what differs and how much agrees; 1 where something differs that is not declared."""
    comparison = Comparison()
    for case in cases(Path(sys.argv[1], "crates/squawk_linter/src/rules")):
        if case.rule not in COMPARED:
            comparison.add(case.name, None, case.unsafe, STYLE)
            continue
        stops = rules_that_stop(case)
        ours = bool(stops) if case.unsafe else case.rule in stops
        declared = DECLARED.get(case.name, "")
        if case.major < OLDEST and ours != case.unsafe:
            declared = declared or OLD
        comparison.add(f"{case.name}\n{case.sql}\n{sorted(stops)}", ours, case.unsafe, declared)
    return comparison.finish()


if __name__ == "__main__":
    sys.exit(main())
