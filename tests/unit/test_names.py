"""Names say what they hold; a word that fits anything is no name of a value that has a type."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EMPTY_WORDS = {
    *("found", "told", "said", "given", "asked", "wanted", "made", "kept", "done", "wish")
}
# How many a room still has. Lower it with each one that goes; a room that is not here has none.
CEILINGS: dict[str, int] = dict(  # noqa: C408
    agent=3, backups=2, notebook=1, releases=1
)  # fmt: skip


def bound(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that a module gives to a value: variables, parameters, fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


def empty_names(path: Path) -> list[str]:
    names = bound(ast.parse(path.read_text()))
    return [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for name, line in names
        if name.strip("_") in EMPTY_WORDS
    ]


def room(path: Path) -> str:
    first, second = (*path.relative_to(ROOT).parts, "")[:2]
    return first if first == "tasks" else second.removesuffix(".py")


def test_no_room_gains_an_empty_name() -> None:
    hits: dict[str, list[str]] = {}
    for path in sorted([*ROOT.glob("slipway/**/*.py"), *ROOT.glob("tasks/*.py")]):
        hits.setdefault(room(path), []).extend(empty_names(path))
    above = [
        line for name, lines in hits.items() if len(lines) > CEILINGS.get(name, 0) for line in lines
    ]
    assert not above, "\n".join(line for name in sorted(above) for line in hits[name])
