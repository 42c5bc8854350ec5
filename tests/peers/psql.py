"""Our splitter against psql: what it sends of PostgreSQL's own regression tests.

`python -m tests.peers.psql CHECKOUT`: a clone of github.com/postgres/postgres, or of
github.com/pganalyze/libpg_query, which has those tests too (`test/sql`); psql has to be on the
PATH. It reads all SQL files for a server that takes every query and does nothing. Commands of psql
are put out of the way first, by plain means: they may do anything to what follows, and a migration
with one is refused.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from slipway.migrations.lexer import Kind, tokens
from slipway.migrations.splitter import Statement, split
from tests.fakes.listener import listening
from tests.peers.comparison import Comparison

NEXT = "select 'the next script'"
INLINE = "g|gx|gset|gdesc|gexec|bind|bind_named|parse|crosstabview|watch|sendpipeline|if|endif|q"
COMMAND = re.compile(rf"^[ \t]*\\(?!\.\s*$)[^\n]*|[ \t;]\\(?:{INLINE})\b[^\n]*$|\\;", re.MULTILINE)
WIDTH = 200
ESCAPED = re.compile(r"[eE]'(?:[^'\\]|\\.|'')*+'?", re.DOTALL)
COPY = re.compile(r"^\\copy\b([^\n]*)", re.MULTILINE)
VARIABLE = re.compile(r":('\w+')")
DECLARED = {
    "copyselect.sql": "what follows COPY … FROM STDIN in its line; refused in a migration",
    "psql.sql": "commands of psql in the middle of a statement; refused in a migration",
    "strings.sql": "strings after standard_conforming_strings = off; refused in a migration",
}


def without_commands(text: str) -> str:
    """Put a semicolon in place of each command of psql and the rest of its line."""
    return COMMAND.sub(";", COPY.sub(r"copy\1;", VARIABLE.sub(r"\1", text)))


def sent(
    texts: Sequence[str], folder: Path, run: Callable[[Sequence[str]], object]
) -> list[list[str]]:
    """Return what psql sends to a server for each script; `run` runs it with some arguments."""
    arguments = ["-h", str(folder), "-U", "nobody"]
    for number, text in enumerate(texts):
        path = folder / f"{number}.sql"
        path.write_bytes(text.encode())
        arguments += ["-f", str(path), "-c", NEXT]
    with listening(folder) as listener:
        run(arguments)
    queries: list[list[str]] = [[]]
    for query in listener.heard:
        if query == NEXT:
            queries.append([])
        else:
            queries[-1].append(query)
    assert len(queries) == len(texts) + 1 and queries.pop() == []
    return queries


def differences(ours: Sequence[Statement], theirs: Sequence[str]) -> Iterator[str]:
    """Say what is not the same; psql sends comments before a statement, and alone, too."""
    left = list(ours)
    for query in theirs:
        if left and _is(left[0], query):
            del left[0]
        elif not says_nothing(query.removesuffix(";")):
            here = f"line {left[0].line}, {left[0].text[:WIDTH]!r}" if left else "nothing"
            yield f"here {here}\n  psql {query[:WIDTH]!r}"
            return
    if left:
        yield f"here line {left[0].line}, {left[0].text[:WIDTH]!r}\n  psql nothing"


def _is(one: Statement, query: str) -> bool:
    # psql passes over empty lines between words.
    text = re.sub(r"\n+", "\n", one.text)
    for each in (query, query.removesuffix(";").rstrip()):
        line = re.sub(r"\n+", "\n", each)
        before = line.removesuffix(text).strip()
        if line.endswith(text) and (before == "" or before.startswith("/*")):
            return True
    return False


def says_nothing(text: str) -> bool:
    """Whether there are only comments and space; on purpose not asked of our lexer."""
    while text := text.lstrip():
        if text.startswith("--"):
            text = re.sub(r"--[^\n\r]*", "", text, count=1)
        elif text.startswith("/*"):
            depth, text = 1, text[2:]
            while depth:
                depth += {"/*": 1, "*/": -1}.get(text[:2], 0)
                text = text[2 if text[:2] in ("/*", "*/") else 1 :]
                if not text and depth:
                    return False
        else:
            return False
    return True


def is_mistaken(script: str) -> bool:
    """Whether an E'' string goes on in another line: psql takes the rest for a standard one."""
    strings = [each.text for each in tokens(script) if each.kind in (Kind.STRING, Kind.OPEN)]
    return any(each[:2] in ("E'", "e'") and not ESCAPED.fullmatch(each) for each in strings)


def read(checkout: Path) -> Iterator[tuple[Path, str]]:
    """Read the SQL of a checkout, without commands; what is not UTF-8 is refused here anyway."""
    for path in sorted(checkout.rglob("*.sql")):
        try:
            yield path.relative_to(checkout), without_commands(path.read_bytes().decode())
        except UnicodeDecodeError:
            sys.stdout.write(f"{path}: is not UTF-8, so it is left out\n")


def _run(arguments: Sequence[str]) -> None:
    subprocess.run(["psql", "-X", "-q", *arguments], capture_output=True, check=False)


def main() -> int:
    """Print what differs and how much agrees; 1 where something differs that is not declared."""
    scripts = dict(read(Path(sys.argv[1])))
    comparison = Comparison()
    statements = 0
    with tempfile.TemporaryDirectory() as folder:
        queries = sent(list(scripts.values()), Path(folder), _run)
    for (path, text), theirs in zip(scripts.items(), queries, strict=True):
        ours = split(text)
        statements += len(ours)
        declared = DECLARED.get(path.name, "")
        comparison.add(str(path), list(differences(ours, theirs)), [], declared)
    sys.stdout.write(f"{statements} statements; a case is a file\n")
    return comparison.finish()


if __name__ == "__main__":
    sys.exit(main())
