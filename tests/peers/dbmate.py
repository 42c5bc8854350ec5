"""Our reader of migration files against dbmate's own cases and sample migrations.

`python -m tests.peers.dbmate CHECKOUT`: a clone of github.com/amacneil/dbmate. A direction is
compared without its mark and without blank edges; whether it runs in a transaction is compared too.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slipway.errors import ConfigError
from slipway.migrations import files
from tests.peers.comparison import Comparison
from tests.peers.go_text import STRING, value

RUN = re.compile(rf"t\.Run\(({STRING}), |^func (Test\w+)", re.MULTILINE)
TEXT = re.compile(rf"(?:migration := |Data: \[\]byte\()({STRING})")
EXPECTED = re.compile(rf"require\.Equal\(t, ({STRING}), parsed\w*\.(Up|Down)\)")
TRANSACTION = re.compile(
    r"require\.(?:Equal\(t, )?(true|false|True\(t)(?:, |\()*parsed\w*\.(Up|Down)Options\.Trans"
)
DECLARED = {
    "support disabling transactions": "several sections in one file are refused here",
    "require a down block": "a file without a way down is taken here",
}
REFUSED = "refused"


@dataclass(frozen=True)
class Case:
    """A text and what dbmate reads of it: each direction with whether it is in a transaction."""

    name: str
    text: str
    expected: object


def cases(text: str) -> Iterator[Case]:
    """Read the cases of a Go test."""
    starts = list(RUN.finditer(text))
    ends = [*(start.start() for start in starts[1:]), len(text)]
    for start, end in zip(starts, ends, strict=True):
        body = text[start.start() : end]
        if not (written := TEXT.search(body)):
            continue
        name = value(start[1]) if start[1] else start[2]
        if re.search(r"require\.Error", body):
            yield Case(name, value(written[1]), REFUSED)
            continue
        ways = [(way, _plain(value(sql))) for sql, way in EXPECTED.findall(body)]
        within = [word.lower() != "false" for word, _ in TRANSACTION.findall(body)]
        yield Case(name, value(written[1]), [(*a, b) for a, b in zip(ways, within, strict=True)])


def read(name: str, text: str) -> object:
    """Read a text as we do."""
    try:
        migration = files.parse(name, text)
    except ConfigError:
        return REFUSED
    ways = [("Up", migration.up), ("Down", migration.down)]
    return [(way, script.text, script.in_transaction) for way, script in ways if script]


def samples(folder: Path) -> Iterator[tuple[str, object, object]]:
    """Yield the migrations that dbmate's other tests run: each has two ways, and is taken."""
    for path in sorted(folder.rglob("migrations/*.sql")):
        text = path.read_text(encoding="utf-8")
        _, *ways = re.split(r"^-- migrate:\w+.*\n", text, flags=re.MULTILINE)
        expected = [(way, sql.strip(), True) for way, sql in zip(("Up", "Down"), ways, strict=True)]
        yield str(path.relative_to(folder)), read(path.name, text), expected


def _plain(sql: str) -> str:
    return sql.partition("\n")[2].replace("\r\n", "\n").strip()


def main() -> int:
    """Print what differs and how much agrees; 1 where something differs that is not declared."""
    checkout = Path(sys.argv[1])
    text = (checkout / "pkg/dbmate/migration_test.go").read_text(encoding="utf-8")
    comparison = Comparison()
    for case in cases(text):
        ours = read("123_foo.sql", case.text)
        comparison.add(case.name, ours, case.expected, DECLARED.get(case.name, ""))
    for name, ours, theirs in samples(checkout):
        comparison.add(name, ours, theirs)
    return comparison.finish()


if __name__ == "__main__":
    sys.exit(main())
