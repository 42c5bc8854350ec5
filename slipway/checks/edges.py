"""What each file of a repository depends on at once, as far as its text shows it."""

import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from slipway.checks import source
from slipway.checks.source import Source, Statement

EVERYTHING = "ls-files"  # who asks git for all files reads all files
ENGINE, CHECKS = "slipway/", "slipway/checks/"  # but the engine asks about a folder of a team
EXAMPLES = "examples/"  # projects of others: only who names a path there depends on it
TELLING = 2  # letters that a pattern needs, for `*` alone fits everything
SCRIPTS = {"", ".sh"}  # files that are no Python and start some


class Edges:
    """Dependencies between files, each known by its path below `root`.

    Modules are the Python files below a folder that holds some itself, as `slipway` does.
    """

    def __init__(self, root: Path, files: Iterable[str]) -> None:
        self._root = root
        self.files = frozenset(files)
        pairs = (path.split("/") for path in self.files if path.endswith(".py"))
        self._packages = {pair[0] for pair in pairs if len(pair) == 2}
        self._examples = sorted(path for path in self.files if path.startswith(EXAMPLES))
        self._own = self.files.difference(self._examples)
        self._others = sorted(path for path in self._own if not self._is_module(path))
        self._index: dict[str, set[str]] = {}
        self._folders: dict[str, set[str]] = {}
        for path in self._others:
            pure = PurePosixPath(path)
            self._folders.setdefault(str(pure.parent), set()).add(path)
            for word in (pure.name, pure.suffix, pure.parts[0]):
                self._index.setdefault(word, set()).add(path)

    @functools.cache  # noqa: B019  edges live as long as their command
    def of(self, path: str) -> frozenset[str]:
        """Return what a module depends on, what it starts through a script included."""
        if not self._is_module(path):
            return frozenset()
        return self.of_statements(path, self.source(path).always)

    def of_statements(self, path: str, statements: Iterable[Statement]) -> frozenset[str]:
        """Return what these statements of a file depend on."""
        targets: set[str] = set(self._beside(path))
        for each in statements:
            for module, name in each.imports:
                targets |= self._named(f"{module}.{name}" if name else module)
            for name in each.modules:
                targets |= self._named(name)
            for word in self._words(each):
                if word != EVERYTHING or not path.startswith(ENGINE) or path.startswith(CHECKS):
                    targets |= self._fitting(word) | self._started(word)
        return frozenset(targets)

    @functools.cache  # noqa: B019
    def of_scripts(self) -> frozenset[str]:
        """Return what any script here starts."""
        return frozenset[str]().union(*map(self._of_script, self._others))

    @functools.cache  # noqa: B019
    def source(self, path: str) -> Source:
        if not (self._is_module(path) or PurePosixPath(path).suffix in SCRIPTS):
            return Source()
        return source.read(self._root / path)

    def _words(self, one: Statement) -> Iterator[str]:
        """Words of a statement, and of the constants that it takes from other modules."""
        yield from one.words
        for module, name in one.imports:
            if name:
                yield from self._words_of_constants(module, name)

    @functools.cache  # noqa: B019
    def _words_of_constants(self, module: str, name: str) -> frozenset[str]:
        """Return the words of the constants that a name of a module stands for."""
        needed = (self.source(path).needed([name]) for path in self._module(module))
        return frozenset[str]().union(
            *(each.words for statements in needed for each in statements if each.is_constant)
        )

    @functools.cache  # noqa: B019
    def _named(self, name: str) -> frozenset[str]:
        """Return the files that a dotted name stands for, packages on the way included."""
        parts = name.split(".")
        if parts[0] not in self._packages:
            return frozenset()
        targets: set[str] = set()
        for end in range(1, len(parts) + 1):
            if parts[end - 1] == source.ANY:  # the rest is worked out when it runs
                folder = "/".join(parts[: end - 1])
                targets |= {path for path in self.files if path.startswith(f"{folder}/")}
                break
            targets |= self._module(".".join(parts[:end]))
        return frozenset(targets)

    def _module(self, name: str) -> set[str]:
        path = name.replace(".", "/")
        # `python -m` of a package starts its __main__
        return {f"{path}{end}" for end in (".py", "/__init__.py", "/__main__.py")} & self.files

    def _is_module(self, path: str) -> bool:
        return path.endswith(".py") and path.partition("/")[0] in self._packages

    def _beside(self, path: str) -> set[str]:
        """Files beside a module that are no modules belong to it: templates, scripts, styles."""
        if not self._is_module(path):
            return set()
        return self._folders.get(str(PurePosixPath(path).parent), set())

    @functools.cache  # noqa: B019
    def _fitting(self, word: str) -> frozenset[str]:
        """Return the files that a word may mean: by name, path, folder, ending or pattern."""
        word = word.removeprefix("./").rstrip("/.")
        if word.startswith(EXAMPLES):
            inside = (path for path in self._examples if f"{path}/".startswith(f"{word}/"))
            return frozenset(inside)
        if word == EVERYTHING:
            return self._own
        if not any(letter.isalnum() for letter in word):
            return frozenset()
        if source.ANY in word or "*" in word:
            pattern = _pattern(word)
            files = self._others if source.ANY in word else self._own
            return frozenset(filter(pattern.fullmatch, files) if pattern else ())
        if "/" in word:
            inner = f"/{word.strip('/')}/"
            return frozenset(path for path in self._others if inner in f"/{path}/")
        return frozenset(self._index.get(word, ()))

    @functools.cache  # noqa: B019
    def _started(self, word: str) -> frozenset[str]:
        """Return what the scripts start that a word names, also as a path in a container."""
        name = PurePosixPath(word).name
        scripts = [path for path in self._index.get(name, ()) if path.endswith(f"/{name}")]
        return frozenset[str]().union(*map(self._of_script, scripts))

    def _of_script(self, path: str) -> frozenset[str]:
        names = (name for each in self.source(path).statements for name in each.modules)
        return frozenset[str]().union(*map(self._named, names))


def _pattern(word: str) -> re.Pattern[str] | None:
    """Return what paths a pattern or an f-string fits, or None where that is too little."""
    plain = word.replace("**/", "").replace(source.ANY, "*")
    if plain.startswith("/") or not re.fullmatch(r"[\w./*-]+", plain):
        return None  # outside of the repository, or an expression for texts, not for paths
    stem = PurePosixPath(plain).name.partition(".")[0] if source.ANY in word else plain
    if not ("/" in plain.strip("*/") or sum(map(str.isalnum, stem)) >= TELLING):
        return None
    fitting = re.escape(str(PurePosixPath(plain))).replace(r"\*", "[^/]*")
    return re.compile(f"(?:.*/)?{fitting}")
