"""Where in the old compose files something stands, and which other files they name."""

import functools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.releases import compose_aliases, compose_files
from slipway.yaml_file import compose_strings

if TYPE_CHECKING:
    from yaml import Node

LARGEST = 1 << 20  # of one file; what a person wrote has a hundredth of it
MOST_FILES = 50


def line_of(files: Sequence[Path], keys: Sequence[str]) -> tuple[Path, int]:
    """Return the file that has most of these keys, the first of several, and the line, or 0."""
    best, depth, line = files[0], 0, 0
    for path in files:
        reached, number = _follow(_document(path), keys)
        if reached > depth:
            best, depth, line = path, reached, number
    return best, line


def reached(files: Sequence[Path]) -> Iterator[Path]:
    """Yield the files, then those that they include or extend."""
    pending, seen = list(files), set[Path]()
    while pending and len(seen) < MOST_FILES:
        path = Path(os.path.normpath(pending.pop(0)))
        if path not in seen and path.is_file():
            seen.add(path)
            yield path
            pending += [path.parent / name for name in _named(_document(path), ())]


def complaint(path: Path) -> str:
    """Say what of a file Compose would not be done with for ever, or nothing."""
    return compose_aliases.complaint(_document(path))


def env_files(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each env file that a compose file gives to a service."""
    yield from _scalars(_document(path), "env_file", compose_files.DEEPEST)


def _document(path: Path) -> "Node | None":
    """Read a file as nodes; nothing of one that is too large, or in a dialect of Compose's own."""
    data = path.read_bytes() if path.stat().st_size <= LARGEST else b""
    return _parsed(data.decode(errors="replace"))


@functools.lru_cache(maxsize=MOST_FILES)
def _parsed(text: str) -> "Node | None":
    import yaml

    try:
        return compose_strings(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def _follow(node: "Node | None", keys: Sequence[str]) -> tuple[int, int]:
    """Follow keys into a document; return how many were there, and the line of the last."""
    line = 0
    for count, key in enumerate(keys):
        pair = compose_files.entry(node, key, _names)
        if pair is None:
            return count, line
        line, node = pair
    return len(keys), line


def _names(text: str, key: str) -> bool:
    """Whether an item of a list, KEY=value or source:target, is the one that is looked for."""
    return text == key or key in re.split("[=:]", text)[:2]


def _named(node: "Node | None", above: tuple[str, ...]) -> Iterator[str]:
    """Name the files that a document includes or extends."""
    import yaml

    if isinstance(node, yaml.SequenceNode) and above == ("include",):
        for each in node.value:
            yield from [each.value] if isinstance(each, yaml.ScalarNode) else _named(each, above)
    if not isinstance(node, yaml.MappingNode) or len(above) > len(("services", "api", "extends")):
        return
    for key, value in node.value:
        path = (*above, str(key.value))
        if path == ("include", "path") or (path[0], path[2:]) == ("services", ("extends", "file")):
            written = value.value if isinstance(value, yaml.SequenceNode) else [value]
            yield from (each.value for each in written if isinstance(each, yaml.ScalarNode))
        elif path[0] in ("include", "services"):
            yield from _named(value, path)


def _scalars(node: "Node | None", key: str, depth: int) -> Iterator[tuple[int, str]]:
    """Yield what stands under a key, wherever it is: one text, or several with their `path`."""
    import yaml

    if not depth:
        return
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _scalars(each, key, depth - 1)
    elif isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                yield from _leaves(value)
            else:
                yield from _scalars(value, key, depth - 1)


def _leaves(node: "Node") -> Iterator[tuple[int, str]]:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        yield node.start_mark.line + 1, node.value
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            pair = (
                compose_files.entry(each, "path", depth=0)
                if isinstance(each, yaml.MappingNode)
                else None
            )
            yield from _leaves(pair[1] if pair else each)
