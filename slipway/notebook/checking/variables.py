"""Which variables a cell takes from outside, and which it sets for the cells after it.

Shell is read by tree-sitter and Python by ast, so a name in a comment, in single quotes or in a
heredoc with a quoted mark is none. What is set inside a function or a branch counts as set.
"""

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.notebook.document import Cell
from slipway.notebook.reading.shell_tree import tree

if TYPE_CHECKING:
    from tree_sitter import Node

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MENTION = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")  # in the question of `confirm`
DEFAULTS = frozenset({":-", "-", ":=", "=", ":+", "+"})
# Builtins whose words are names that they set; options that take a value swallow the next word.
SETTERS = {"read": "dinNptu", "mapfile": "dnOsuCc", "readarray": "dnOsuCc"}
SOURCERS = frozenset({".", "source", "eval"})
ANYTHING = "*"  # the name of what a sourcer sets: nobody knows which names these are
DESCRIPTOR = re.compile(r"\{([A-Za-z_]\w*)\}")  # `exec {lock}>file` sets lock to a number
EVERYWHERE = -1  # the position of what happens inside a function: whenever it is called


@dataclass(frozen=True)
class VariableUse:
    """A variable that a cell takes from outside, with the line of the runbook where it does."""

    name: str
    line: int
    has_default: bool = False
    may_be_set: bool = False  # by what the cell has sourced or evaluated before


@dataclass(frozen=True)
class _Occurrence:
    """A name that was seen; what is set counts from `position` on."""

    name: str
    position: int
    line: int = 0
    has_default: bool = False


def uses(cell: Cell) -> list[VariableUse]:
    """Return what a cell takes from outside: names that it has not set itself by then.

    The texts of `when` and `confirm` count; a name stands once for each line that uses it.
    """
    used, assigned = _read(cell)
    attributes = cell.attributes
    outside = [VariableUse(each.name, cell.line) for each in _shell(attributes.when)[0]]
    outside += [
        VariableUse(a or b, cell.line) for a, b in MENTION.findall(attributes.confirm or "")
    ]
    for each in used:
        before = {
            other.name
            for other in assigned
            if each.position == EVERYWHERE or other.position < each.position
        }
        if each.name not in before:
            line = cell.line + each.line
            outside.append(VariableUse(each.name, line, each.has_default, ANYTHING in before))
    return sorted(dict.fromkeys(outside), key=lambda use: (use.line, use.name))


def sets(cell: Cell) -> set[str]:
    """Return the names that cells after this one may find set by it, ANYTHING among them."""
    captured = {cell.attributes.capture} - {""}
    return {each.name for each in _read(cell)[1]} | captured


def _read(cell: Cell) -> tuple[list[_Occurrence], list[_Occurrence]]:
    return _python(cell.source) if cell.language == "python" else _shell(cell.source)


# --- shell ---------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)  # asked for what a cell takes, then for what it sets
def _shell(source: str) -> tuple[list[_Occurrence], list[_Occurrence]]:
    """Return what is used and what is set, each with its place."""
    if not source.strip():
        return [], []
    used: list[_Occurrence] = []
    assigned: list[_Occurrence] = []
    code = source.encode(errors="replace")
    for node, in_function in _walk(tree(source), False):
        line = node.start_point[0] + 1
        at, end = node.start_byte, node.end_byte
        if in_function:
            at = end = EVERYWHERE
        match node.type:
            case "simple_expansion" | "expansion":
                used += [_Occurrence(name, at, line, has) for name, has in _expansion(node)]
                assigned += [_Occurrence(name, end, line) for name in _assigned_by_expansion(node)]
            case "binary_expression" | "postfix_expression" | "unary_expression":
                used += [_Occurrence(name, at, line) for name in _arithmetic(node)]
                assigned += [_Occurrence(name, end, line) for name in _assigned_in_arithmetic(node)]
            case "variable_assignment":
                # `FOO=1 command` sets it for that command alone.
                is_prefix = node.parent is not None and node.parent.type == "command"
                assigned += [] if is_prefix else [_Occurrence(n, end, line) for n in _targets(node)]
            case "declaration_command":
                assigned += [_Occurrence(n, end, line) for n in _named(node)]
            case "for_statement":
                assigned += [_Occurrence(n, at, line) for n in _named(node)]
            case "concatenation" if code[node.end_byte : node.end_byte + 1] in (b"<", b">"):
                assigned += [_Occurrence(n, end, line) for n in DESCRIPTOR.findall(_text(node))]
            case "command":
                assigned += [_Occurrence(n, end, line) for n in _set_by_command(node)]
            case _:
                pass
    return used, assigned


def _walk(root: "Node", in_function: bool) -> Iterator[tuple["Node", bool]]:
    """Yield every node; a stack and not recursion, for cells may nest as deep as they like."""
    stack = [(root, in_function)]
    while stack:
        node, inside = stack.pop()
        yield node, inside
        inside = inside or node.type == "function_definition"
        stack += [(child, inside) for child in reversed(node.children)]


def _text(node: "Node") -> str:
    return (node.text or b"").decode(errors="replace")


def _named(node: "Node") -> list[str]:
    return [_text(child) for child in node.children if child.type == "variable_name"]


def _targets(node: "Node") -> list[str]:
    """Return the name before the `=`, also of `array[1]=x`."""
    first = node.children[0]
    return _named(first) if first.type == "subscript" else _named(node)[:1]


def _expansion(node: "Node") -> list[tuple[str, bool]]:
    holders = [node, *(child for child in node.children if child.type == "subscript")]
    names = [name for holder in holders for name in _named(holder)[:1]]
    has_default = any(child.type in DEFAULTS for child in node.children)
    valid = [name for name in names if NAME.fullmatch(name)]
    return [(name, has_default or _is_guarded(node, name)) for name in valid]


def _is_guarded(node: "Node", name: str) -> bool:
    """Whether it stands in `${NAME:+…}` of the same name, so only where there is a value."""
    around = node.parent
    while around is not None:
        marks = {child.type for child in around.children}
        if around.type == "expansion" and marks & {":+", "+"} and name in _named(around)[:1]:
            return True
        around = around.parent
    return False


def _assigned_by_expansion(node: "Node") -> list[str]:
    return _named(node)[:1] if any(c.type in (":=", "=") for c in node.children) else []


def _is_assignment(node: "Node") -> bool:
    marks = {child.type for child in node.children if not child.is_named}
    return bool(marks & {"++", "--"}) or any(m.endswith("=") and m not in _COMPARING for m in marks)


_COMPARING = {"==", "!=", "<=", ">=", "=~"}


def _arithmetic(node: "Node") -> list[str]:
    """Return the bare names of a sum; a test like `[[ a = b ]]` has words there, not names."""
    is_plain_assignment = any(child.type == "=" for child in node.children)
    names = _named(node)
    if node.parent is not None and node.parent.type == "c_style_for_statement":
        names += [_text(child) for child in node.children if child.type == "word"]
    return names[1:] if is_plain_assignment else names


def _assigned_in_arithmetic(node: "Node") -> list[str]:
    return _named(node)[:1] if _is_assignment(node) else []


def _set_by_command(node: "Node") -> list[str]:
    """Return what a builtin sets: read, mapfile, printf -v, getopts, let; source anything."""
    children = [child for child in node.children if child.type != "variable_assignment"]
    words = [_text(child) for child in children if child.is_named]
    while words[:1] and words[0] in ("builtin", "command"):
        words = words[1:]
    if not words:
        return []
    command, rest = words[0], words[1:]
    if command in SOURCERS:
        return [ANYTHING]
    targets: list[str] = []
    if command in SETTERS:
        targets = _operands(rest, SETTERS[command])
        targets = targets or ["REPLY" if command == "read" else "MAPFILE"]
    elif command == "printf" and rest[:1] == ["-v"]:
        targets = rest[1:2]
    elif command == "getopts":
        targets = [*rest[1:2], "OPTARG", "OPTIND"]
    elif command == "let":
        targets = [word.partition("=")[0].strip("'\"+-*/ ") for word in rest if "=" in word]
    return [name for name in targets if NAME.fullmatch(name)]


def _operands(words: list[str], with_value: str) -> list[str]:
    operands: list[str] = []
    swallow = False
    for word in words:
        if swallow:
            swallow = False
        elif word.startswith("-") and len(word) > 1:
            swallow = word[-1] in with_value
        else:
            operands.append(word)
    return operands


# --- Python --------------------------------------------------------------------------------


def _python(source: str) -> tuple[list[_Occurrence], list[_Occurrence]]:
    used: list[_Occurrence] = []
    assigned: list[_Occurrence] = []
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return used, assigned
    for node in ast.walk(tree):
        at = 1000 * getattr(node, "lineno", 0) + getattr(node, "col_offset", 0)
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Subscript) and _is_environ(node.value):
            for name in _strings([node.slice]):
                if isinstance(node.ctx, ast.Load):
                    used.append(_Occurrence(name, at, line))
                else:  # what stands on the right of the = is taken first
                    assigned.append(_Occurrence(name, at + 999, line))
        elif isinstance(node, ast.Call):
            first = _strings(node.args[:1])
            match _environ_method(node.func):
                case "get" | "getenv":
                    used += [_Occurrence(name, at, line, has_default=True) for name in first]
                case "pop" | "setdefault":
                    has_default = len(node.args) > 1
                    used += [_Occurrence(name, at, line, has_default) for name in first]
                    assigned += [_Occurrence(name, at, line) for name in first]
                case "update":
                    assigned += [_Occurrence(name, at, line) for name in _updated(node)]
                case _:
                    pass
    return used, assigned


def _is_environ(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "environ" and isinstance(node.value, ast.Name)
    return isinstance(node, ast.Name) and node.id == "environ"


def _environ_method(function: ast.expr) -> str:
    """Return which method of os.environ is called, or `getenv`, or nothing."""
    if isinstance(function, ast.Attribute):
        return function.attr if _is_environ(function.value) or function.attr == "getenv" else ""
    return function.id if isinstance(function, ast.Name) and function.id == "getenv" else ""


def _strings(nodes: list[ast.expr]) -> list[str]:
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def _updated(call: ast.Call) -> list[str]:
    keys = [each.arg for each in call.keywords if each.arg]
    for each in call.args:
        if isinstance(each, ast.Dict):
            keys += _strings([key for key in each.keys if key is not None])
    return keys
