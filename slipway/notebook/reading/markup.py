"""A runbook's Markdown as tokens: where fences and items end, and HTML without its tags."""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError
from slipway.notebook.reading import markdown

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict

SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
ALLOWED = re.compile(r"(https?|mailto):", re.IGNORECASE)


@dataclass(frozen=True)
class MarkupPositions:
    """Lines count from 1; `ends` maps the first line of a fence or an item to its last."""

    matter: int  # the last line of the front matter, 0 without one
    ends: Mapping[int, int]


def runbook_of(folder: Path) -> str:
    """Read the runbook as it was when a run began."""
    path = folder / "runbook.md"
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SlipwayError(f"{path} cannot be read: {error.strerror}") from None


def lines(text: str) -> list[str]:
    """Split text where Markdown does, and nowhere else."""
    return markdown.clean(text).removesuffix("\n").split("\n")


def tokens(text: str) -> "Sequence[Token]":
    """Parse text without its front matter; every tag in it is text."""
    split = lines(text)
    matter = markdown.front(tuple(split))
    return parser().parse("\n" * matter + "\n".join(split[matter:]) + "\n")


def places(text: str) -> MarkupPositions:
    """Find where things end."""
    split = lines(text)
    ends: dict[int, int] = {}
    for token in tokens(text):
        if token.map is None:
            continue
        first, last = token.map
        if token.type == "list_item_open":
            while last > first + 1 and not split[last - 1].strip():
                last -= 1
            ends.setdefault(first + 1, last)
        elif token.type == "fence":
            ends[first + 1] = last
    return MarkupPositions(markdown.front(tuple(split)), ends)


@functools.cache
def parser() -> "MarkdownIt":
    """Return the parser and renderer of prose: tags are text, pictures are links."""
    from markdown_it import MarkdownIt

    markdown_parser = MarkdownIt(
        "commonmark", {"html": False, "maxNesting": markdown.DEEPEST}
    ).enable(["table", "strikethrough"])
    markdown_parser.validateLink = lambda url: not SCHEME.match(url) or bool(ALLOWED.match(url))  # type: ignore[method-assign]
    markdown_parser.add_render_rule("link_open", _link)
    markdown_parser.add_render_rule("image", _image)
    return markdown_parser


def _link(
    self: "RendererHTML", tokens: "Sequence[Token]", at: int, options: "OptionsDict", env: "EnvType"
) -> str:
    tokens[at].attrSet("rel", "noopener noreferrer")
    return self.renderToken(tokens, at, options, env)


def _image(self: object, tokens: "Sequence[Token]", at: int, options: object, env: object) -> str:
    """A picture would be fetched from somewhere; a link to it is not."""
    from markdown_it.common.utils import escapeHtml

    source = escapeHtml(str(tokens[at].attrGet("src") or ""))
    text = escapeHtml(tokens[at].content or "picture")
    return f'<a href="{source}" rel="noopener noreferrer">{text}</a>'
