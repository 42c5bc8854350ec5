"""What one file of this repository shows of what it depends on: imports, names and paths."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DOTTED = re.compile(r"\b[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
WORD = re.compile(r"[^\s'\"`=:,;()<>|&$]+")
ANY = "{}"  # what an f-string puts in


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement of a module's body: the names it binds and uses, and what it mentions."""

    binds: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    asks: frozenset[str] = frozenset()  # fixtures that a test or another fixture has
    imports: frozenset[tuple[str, str]] = frozenset()  # module, name taken from it or nothing
    modules: frozenset[str] = frozenset()  # dotted names in strings
    words: frozenset[str] = frozenset()  # what may be a path
    texts: frozenset[str] = frozenset()  # strings of one word, as they are
    is_constant: bool = False
    is_plain: bool = False  # a definition or an import: does nothing until somebody uses it


@dataclass(frozen=True)
class Source:
    """A file's statements; a file that is no Python is one statement."""

    statements: tuple[Statement, ...] = ()
    binds: frozenset[str] = field(default=frozenset())

    @property
    def always(self) -> list[Statement]:
        """All but the constants that only others use."""
        used = frozenset[str]().union(*(each.uses for each in self.statements))
        return [each for each in self.statements if not each.is_constant or each.binds & used]

    def needed(self, names: Iterable[str]) -> list[Statement]:
        """The statements that these names stand for, with all they use in turn."""
        names, numbers = set(names) & self.binds, set[int]()
        while True:
            more = [
                number
                for number, each in enumerate(self.statements)
                if number not in numbers and each.binds & names
            ]
            if not more:
                return [self.statements[number] for number in sorted(numbers)]
            numbers |= {*more}
            for number in more:
                names |= self.statements[number].uses & self.binds


def read(path: Path) -> Source:
    """Read a file. One that cannot be read or parsed shows nothing, and fails elsewhere."""
    try:
        statements = (
            [_statement(each) for node in parse(path).body for each in _one_by_one(node)]
            if path.suffix == ".py"
            else [Statement(modules=frozenset(DOTTED.findall(path.read_text(encoding="utf-8"))))]
        )
    except (OSError, ValueError, SyntaxError):
        return Source()
    return Source(tuple(statements), frozenset[str]().union(*(each.binds for each in statements)))


def parse(path: Path) -> ast.Module:
    """Parse a module; what it imports relatively is named in full."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    for node in ast.walk(tree) if "from ." in text else ():
        if isinstance(node, ast.ImportFrom) and node.level:
            base = list(_package(path))[: -(node.level - 1) or None]
            node.module, node.level = ".".join([*base, *filter(None, [node.module])]), 0
    return tree


def _package(path: Path) -> Iterator[str]:
    if (path.parent / "__init__.py").exists():
        yield from _package(path.parent)
        yield path.parent.name


def _one_by_one(node: ast.stmt) -> Iterator[ast.stmt]:
    """Take an import of several names apart, for each may be used by another."""
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield ast.ImportFrom(module=node.module, names=[alias], level=node.level)
    else:
        yield node


def _statement(node: ast.stmt) -> Statement:
    inner = defaultdict[type[ast.AST], list[Any]](list)
    for each in _walk(node):
        inner[type(each)].append(each)
    texts = [text for each in inner[ast.JoinedStr] + inner[ast.Constant] for text in _text(each)]
    own = {each.id for each in inner[ast.Name] if isinstance(each.ctx, ast.Store)}
    names = {each.id for each in inner[ast.Name]} - own
    binds = frozenset(_binds(node))
    functions = inner[ast.FunctionDef] + inner[ast.AsyncFunctionDef]
    asks = frozenset(name for each in functions + inner[ast.Call] for name in _asks(each))
    imports = inner[ast.Import] + inner[ast.ImportFrom]
    return Statement(
        binds=binds,
        uses=frozenset(names | asks) - binds,
        asks=asks,
        imports=frozenset(pair for each in imports for pair in _imports(each)),
        modules=frozenset(name for text in texts for name in DOTTED.findall(text))
        | frozenset(text for each in inner[ast.Call] for text in _looked_up(each)),
        words=frozenset(word for text in texts for word in WORD.findall(text)),
        is_constant=isinstance(node, ast.Assign | ast.AnnAssign) and all(map(str.isupper, binds)),
        texts=frozenset(text for text in texts if text and " " not in text),
        is_plain=bool(binds) and not _is_for_all(node),
    )


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node with all below it, but docstrings, which are prose, and the pieces of f-strings."""
    todo = [node]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        yield node
        if isinstance(node, ast.JoinedStr):
            todo += [each for each in node.values if not isinstance(each, ast.Constant)]
            continue
        for name in node._fields:  # not lines and columns, which are most of what a node has
            value = getattr(node, name)
            if isinstance(value, list):
                todo += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST) and value._fields:
                todo.append(value)


def _asks(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        decorators = " ".join(ast.unparse(each) for each in node.decorator_list)
        if node.name.startswith("test") or "fixture" in decorators:
            yield from (each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg))
    elif isinstance(node, ast.Call) and "fixture" in _called(node):
        yield from _texts(node)  # usefixtures("clock"), getfixturevalue("clock")


def _is_for_all(node: ast.stmt) -> bool:
    """Whether pytest uses it though no test names it."""
    if not isinstance(node, ast.FunctionDef):
        return False
    decorators = [each for each in node.decorator_list if isinstance(each, ast.Call)]
    keywords = {keyword.arg for each in decorators for keyword in each.keywords}
    return node.name.startswith("pytest_") or "autouse" in keywords


def _binds(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Import() | ast.ImportFrom():
            for alias in node.names:
                yield (alias.asname or alias.name).partition(".")[0]
        case ast.Assign() | ast.AnnAssign():
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name))


def _imports(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from ((node.module, alias.name) for alias in node.names)


def _looked_up(node: ast.AST) -> Iterator[str]:
    """Modules whose names are worked out: `import_module(f"a.{name}")` may mean all of `a`."""
    if isinstance(node, ast.Call) and "import_module" in _called(node):
        yield from (text for text in _texts(node) if text.endswith(f".{ANY}"))


def _called(call: ast.Call) -> str:
    """Return the last name of what is called."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _texts(node: ast.AST) -> Iterator[str]:
    """Every string but docstrings."""
    return (text for each in _walk(node) for text in _text(each))


def _text(node: ast.AST) -> Iterator[str]:
    """What a string holds; what an f-string puts in is ANY."""
    if isinstance(node, ast.JoinedStr):
        parts = (each.value if isinstance(each, ast.Constant) else ANY for each in node.values)
        yield "".join(map(str, parts))
    elif isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        if isinstance(value, str):
            yield value
