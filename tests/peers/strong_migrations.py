"""Our review against the tests of strong_migrations: which Rails migrations it calls unsafe.

`python -m tests.peers.strong_migrations CHECKOUT`: a clone of github.com/ankane/strong_migrations.
Its migrations are Ruby; `rails_sql` has what PostgreSQL is sent for each.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from slipway.migrations import files
from slipway.migrations.review import learn, review
from tests.lock_cases import Case
from tests.peers.comparison import Comparison
from tests.peers.rails_sql import SCHEMA, SQL

MAJOR = 17
TEST = re.compile(r"^  def test_\w+\n(.*?)^  end", re.MULTILINE | re.DOTALL)
BRANCHES = re.compile(
    r"^( +)if (?P<of>postgresql|mysql)\?.*?\n(?P<then>.*?)(?:^\1els.*?\n(?P<other>.*?))?^\1end$",
    re.MULTILINE | re.DOTALL,
)
VERDICT = re.compile(r"assert_(safe|unsafe) (\w+)(?!.*direction:)")
OTHERS = re.compile(r"skip unless (?:mysql|algorithm|lock)|skip .*if postgresql\?|skip #")
# What a test, or all of a file, sets otherwise than the gem comes.
SETTINGS = re.compile(r"with_\w+ |with_\w+\(|outside_developer_env|establish_conn|enable_check")
FILES = re.compile(r"(?:add|change|remove)_\w+_test|misc_test")
RUBY = re.compile(
    r"Algorithm|Lock(?:Shared|None)|ExtraArguments|SafetyAssured|Schema$"
    r"|^ChangeColumnDefault$|^ExecuteArbitrarySQL$|^Custom$"
)
NOT_SQL = "options of Ruby, of Rails or of MySQL, of which no SQL comes"
EXTENSION = "types of extensions, of which nothing is known here: refused"
DECLARED = {
    "AddColumnJson": "json has no equality, which Rails' own SELECT DISTINCT needs; no lock",
    "ChangeColumnCitextToText": EXTENSION,
    "ChangeColumnCitextToVarcharNoLimit": EXTENSION,
    "ChangeColumnMissingTable": "a table of which nothing is known: noted",
    "ChangeColumnNullConstraintDefault": "an UPDATE of the rows that need it: no lock but of those",
    "ChangeColumnTextToCitext": EXTENSION,
    "ChangeColumnTimestamps": "what is short in a session of UTC alone: refused",
    "ChangeColumnVarcharToCitext": EXTENSION,
}


def verdicts(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield each migration with whether it is unsafe on PostgreSQL, as the gem comes."""
    for path in sorted(each for each in folder.glob("*.rb") if FILES.fullmatch(each.stem)):
        for body in TEST.findall(path.read_text(encoding="utf-8")):
            if not OTHERS.search(body) and not SETTINGS.search(body):
                for word, name in VERDICT.findall(BRANCHES.sub(_of_postgresql, body)):
                    yield name, word == "unsafe"


def _of_postgresql(branches: re.Match[str]) -> str:
    chosen = "then" if branches["of"] == "postgresql" else "other"
    return branches[chosen] or ""


def rules_that_stop(case: Case) -> set[str]:
    """Return the rules by which our review stops a case, its earlier files known."""
    earlier = [_file(1, SCHEMA), *([_file(2, case.before)] if case.before else [])]
    schema = learn(earlier, MAJOR)
    found = review(_file(3, case.sql, stands_alone=case.stands_alone), MAJOR, schema)
    return {finding.rule for finding in found if finding.blocks}


def _file(version: int, sql: str, *, stands_alone: bool = False) -> files.Migration:
    option = " transaction:false" if stands_alone else ""
    return files.parse(f"{version}_case.sql", f"-- migrate:up{option}\n{sql}\n")


def main() -> int:
    """Print what differs and how much agrees; 1 where something differs that is not declared."""
    comparison = Comparison()
    for name, unsafe in dict.fromkeys(verdicts(Path(sys.argv[1], "test"))):
        if name not in SQL:
            comparison.add(name, None, unsafe, NOT_SQL if RUBY.search(name) else "")
            continue
        stops = rules_that_stop(SQL[name])
        case = f"{name}: {SQL[name].sql}\n  {sorted(stops)}"
        comparison.add(case, bool(stops), unsafe, DECLARED.get(name, ""))
    return comparison.finish()


if __name__ == "__main__":
    sys.exit(main())
