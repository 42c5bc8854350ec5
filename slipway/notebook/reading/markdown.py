"""The door to the Markdown parser: a page as a tree of blocks that know their lines."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from slipway.notebook.reading.slugs import Slugger

if TYPE_CHECKING:
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token
    from markdown_it.utils import EnvType

DEEPEST = 100  # lists in lists in quotes; what is deeper is left out by the parser
LONGEST = 20_000  # characters of a paragraph; the parser takes quadratic time over brackets


@dataclass(frozen=True)
class Node:
    """A block; lines count from 0, `end` is the line after its last."""

    token: "Token"
    children: tuple["Node", ...]
    begin: int
    end: int

    @property
    def kind(self) -> str:
        return self.token.type.removesuffix("_open")

    def walk(self) -> Iterator["Node"]:
        """Return this block and all within, in the order of the page."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def inline(self) -> "Token | None":
        """What a paragraph or a heading says."""
        first = self.children[0].token if self.children else None
        return first if first is not None and first.type == "inline" else None


class Definition(TypedDict):
    """Where `[text][label]` leads, as the parser writes it; `map` is its first line and the end."""

    href: str
    map: list[int]


@dataclass(frozen=True)
class Page:
    """A parsed text; front matter is blank lines in it."""

    lines: tuple[str, ...]
    blocks: tuple[Node, ...]
    references: Mapping[str, Definition]  # the definitions of `[text][label]`
    anchors: Mapping[int, str]  # each heading's first line with its anchor
    nodes: tuple[Node, ...]  # every block, also those within others
    words: (
        "tuple[tuple[int, Token], ...]"  # what stands within the lines of text, each with its line
    )

    def walk(self) -> Iterator[Node]:
        """Return every block of the page."""
        return iter(self.nodes)


def clean(text: str) -> str:
    """Return a text with the line ends and the beginning that any editor shows."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") else f"{text}\n"


def front(lines: tuple[str, ...]) -> int:
    """Return how many lines the front matter takes with its marks, 0 without one."""
    if lines[0].rstrip() != "---":
        return 0
    return next((n + 1 for n, line in enumerate(lines) if n and line.rstrip() == "---"), 0)


@functools.lru_cache(maxsize=256)  # parsed once for blocks, links and commands
def page(text: str) -> Page:
    """Parse a clean text."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": DEEPEST, "store_labels": True})
    parser.enable(["table", "strikethrough"])
    parser.core.ruler.at("inline", _inline)
    lines = tuple(text.removesuffix("\n").split("\n"))
    matter = front(lines)
    env: EnvType = {}
    tokens = parser.parse("\n" * matter + "\n".join(lines[matter:]) + "\n", env)
    blocks = _tree(tokens)
    slugger = Slugger()
    nodes = tuple(node for block in blocks for node in block.walk())
    headings = [node for node in nodes if node.kind == "heading"]
    anchors = {node.begin: slugger.slug(plain(node.inline)) for node in headings}
    return Page(lines, blocks, env.get("references", {}), anchors, nodes, tuple(_words(nodes)))


def plain(inline: "Token | None") -> str:
    """Return what a reader sees of a line of Markdown, without its marks."""
    if inline is None:
        return ""
    return "".join(
        "\n" if token.type in ("softbreak", "hardbreak") else token.content
        for token in inline.children or ()
        if token.type not in ("html_inline", "image")
    )


def _words(nodes: tuple[Node, ...]) -> "Iterator[tuple[int, Token]]":
    for node in nodes:
        line = node.begin + 1
        for token in node.token.children or ():
            line += token.type in ("softbreak", "hardbreak")
            yield min(line, max(node.end, 1)), token


def _inline(state: "StateCore") -> None:
    """Parse what stands within lines; a paragraph that nobody wrote by hand stays as it is."""
    from markdown_it.token import Token

    for token in state.tokens:
        if token.type == "inline" and len(token.content) > LONGEST:
            token.children = [Token("text", "", 0, content=token.content)]
        elif token.type == "inline":
            token.children = []
            state.md.inline.parse(token.content, state.md, state.env, token.children)


def _tree(tokens: "list[Token]") -> tuple[Node, ...]:
    levels: list[list[Node]] = [[]]
    opened: list[Token] = []
    for token in tokens:
        if token.nesting == 1:
            opened.append(token)
            levels.append([])
        elif token.nesting == -1:
            levels[-2].append(_node(opened.pop(), levels.pop()))
        else:
            levels[-1].append(_node(token, []))
    return tuple(levels[0])


def _node(token: "Token", children: list[Node]) -> Node:
    first, last = token.map or (0, 0)
    if children and not token.map:
        first, last = children[0].begin, children[-1].end
    return Node(token, tuple(children), first, last)
