"""The door to the shell's grammar: a script as a tree, and what stands in which quotes of it."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from slipway.notebook.commands import UNKNOWN

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

EXPANSIONS = {
    *("simple_expansion", "expansion", "arithmetic_expansion", "brace_expression"),
    *("command_substitution", "process_substitution"),
}
HEREDOC = re.compile(r"<<-?[ \t]*[\"']?(\w+)")
Context = Literal["plain", "double", "single", "text"]
CONTEXTS: Mapping[str, Context] = {
    "raw_string": "single",
    "string": "double",
    "comment": "text",
    "ansi_c_string": "text",
    "command_substitution": "plain",
    "process_substitution": "plain",
    "program": "plain",
}


@functools.lru_cache(maxsize=4096)
def tree(source: str) -> "Node":
    """Parse a shell script; the same text is parsed once."""
    return _parser().parse(source.encode(errors="replace")).root_node


@functools.cache
def _parser() -> "Parser":
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


def walk(root: "Node") -> Iterator["Node"]:
    """Return a node and all that is in it, in the order of the text."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack += reversed(node.children)


def unquoted(node: "Node") -> str:
    """Return a word as the command gets it, with UNKNOWN for what only a shell knows."""
    text = (node.text or b"").decode(errors="replace")
    if node.type in EXPANSIONS:
        return UNKNOWN
    match node.type:
        case "raw_string":
            return text[1:-1]
        case "ansi_c_string":
            return UNKNOWN if "\\" in text else text[2:-1]
        case "string":
            return re.sub(r"\\([\"$`\\])", r"\1", _filled(node)[1:-1].replace("\\\n", ""))
        case "translated_string" | "concatenation" | "command_name":
            return _filled(node)
        case _:
            return re.sub(r"\\(.)", r"\1", text.replace("\\\n", ""))


def _filled(node: "Node") -> str:
    """Return a node's text with each of its parts unquoted; what is between parts stays."""
    whole, start = node.text or b"", node.start_byte
    pieces: list[str] = []
    at = start
    for child in node.children:
        if node.type == "string" and child.type not in EXPANSIONS:
            continue
        pieces += [whole[at - start : child.start_byte - start].decode(errors="replace")]
        pieces += [unquoted(child)]
        at = child.end_byte
    return "".join(pieces) + whole[at - start :].decode(errors="replace")


def is_complete(source: str) -> bool:
    """Whether a shell would not wait for another line."""
    lines = source.split("\n")
    for number, line in enumerate(lines):
        for end in HEREDOC.findall(line):
            if end not in (each.strip() for each in lines[number + 1 :]):
                return False
    return not tree(source).has_error


def contexts(source: str, words: Sequence[str]) -> dict[str, Context]:
    """Return for each of some words of a script in which quotes its first one stands."""
    root, code = tree(source), source.encode(errors="replace")
    result: dict[str, Context] = {}
    for word in words:
        start = code.find(word.encode())
        if start >= 0:
            result[word] = _context(root.descendant_for_byte_range(start, start + len(word)))
    return result


def _context(node: "Node | None") -> Context:
    while node is not None:
        if node.type == "heredoc_body":
            return "text" if _is_quoted_heredoc(node) else "double"
        if node.type in CONTEXTS:
            return CONTEXTS[node.type]
        node = node.parent
    return "plain"


def _is_quoted_heredoc(body: "Node") -> bool:
    siblings = body.parent.children if body.parent else []
    starts = [each for each in siblings if each.type == "heredoc_start"]
    return any(set(each.text or b"") & set(b"\"'\\") for each in starts)
