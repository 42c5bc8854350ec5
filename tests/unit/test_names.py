"""Names say what they hold; a word that fits anything is no name of a value that has a type."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.syntax import nodes

ROOT = Path(__file__).resolve().parents[2]
EMPTY_WORDS = {
    *("found", "told", "said", "given", "asked", "wanted", "made", "kept", "done", "wish")
}
# Keys of what `--json` prints, which people's scripts read: the written name stays.
WRITTEN = {
    "slipway/agent/messages/restore.py": {"kept"},  # inv db.restore --undo --json
    "slipway/backups/restore/spec.py": {"kept"},  # inv db.restore --json
    "slipway/releases/backup_status.py": {"said"},  # inv status --json, and its column
}


def bound(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, int]]:
    """Every name that a module gives to a value: variables, parameters, fields."""
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


def empty_names(path: Path) -> list[tuple[str, int]]:
    names = bound(nodes(path))
    return [(name, line) for name, line in names if name.strip("_") in EMPTY_WORDS]


def test_no_value_has_an_empty_name_but_those_that_are_written_out() -> None:
    hits = [
        (str(path.relative_to(ROOT)), name, line)
        for path in [*ROOT.glob("slipway/**/*.py"), *ROOT.glob("tasks/*.py")]
        for name, line in empty_names(path)
    ]
    new = [f"{file}:{n} {name}" for file, name, n in hits if name not in WRITTEN.get(file, ())]
    assert not new, "\n".join(sorted(new))
    excepted = {(file, name) for file, names in WRITTEN.items() for name in names}
    assert excepted == {(file, name) for file, name, _ in hits}, "an exception has no name any more"
