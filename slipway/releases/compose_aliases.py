"""Aliases of a YAML file that Compose would not be done with for ever, seen before it is asked."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yaml import Node

MOST_VALUES = 200_000  # what a person wrote has a hundredth of it


def complaint(document: "Node | None") -> str:
    """Say what is wrong with the aliases of a document, or nothing."""
    sizes: dict[int, int] = {}

    def size(node: "Node", above: tuple[int, ...]) -> int:
        if id(node) in above:
            raise RecursionError(node.start_mark.line + 1)
        if id(node) not in sizes:
            inner = (*above, id(node))
            sizes[id(node)] = 1 + sum(size(each, inner) for each in _below(node))
        return sizes[id(node)]

    try:
        whole = size(document, ()) if document is not None else 0
    except RecursionError as error:
        return f"line {error} is part of itself, or nested too deep; take the alias out"
    return f"its aliases stand for {whole} values; write less" if whole > MOST_VALUES else ""


def _below(node: "Node") -> Iterator["Node"]:
    """Yield what is right under a node."""
    for each in node.value if isinstance(node.value, list) else ():
        yield from each if isinstance(each, tuple) else (each,)
