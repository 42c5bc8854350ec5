"""Our reader of runbooks against the examples of CommonMark's specification: which code it finds.

`python -m tests.peers.commonmark SPEC`: a clone of github.com/commonmark/commonmark-spec or of
github.com/github/cmark-gfm (its test/). An example says as HTML what it means: of that the blocks
of code are compared, each with its language and its text; then each fence has to be one cell or one
sample of the runbook that is read from the same text, with the text that stands in it.
"""

import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from slipway.notebook.document import Cell, Sample
from slipway.notebook.reading import markdown, parse
from tests.peers.comparison import Comparison

EXAMPLE = re.compile(r"^`{32} example[^\n]*\n(.*?)^\.\n(.*?)^`{32}$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r'<pre><code(?: class="language-([^"]*)")?>(.*?)</code></pre>', re.DOTALL)
RAW = re.compile(r"<pre[^>]*><code")  # an example that holds HTML itself, which passes as it stands
ESCAPES = "escapes and entities after a fence's mark stay: what follows there are words of a shell"
MATTER = "---\nowner: peer\n---\n"
Code = tuple[str, str]  # a language and a text


def examples(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the number, the Markdown and the HTML of each example."""
    for number, match in enumerate(EXAMPLE.finditer(text), 1):
        written, meant = (each.replace("→", "\t") for each in match.groups())
        yield f"example {number}", written, meant


def meant_code(meant: str) -> list[Code]:
    """Return the blocks of code in the HTML of an example."""
    return [(html.unescape(word), html.unescape(text)) for word, text in CODE.findall(meant)]


def code(page: markdown.Page) -> list[Code]:
    """Return the blocks of code that our reader finds, also those that are only indented."""
    blocks = [node.token for node in page.walk() if node.kind in ("fence", "code_block")]
    return [(_language(token.info), token.content) for token in blocks]


def fences(page: markdown.Page) -> list[tuple[int, str]]:
    """Return the line and the text of each fence."""
    found = [node for node in page.walk() if node.kind == "fence"]
    return [(node.begin + 1, node.token.content) for node in found]


def cells(text: str) -> list[tuple[int, str]]:
    """Return the line and the text of each cell and sample of the runbook."""
    runbook, _ = parse.parse(text, Path("runbooks", "peer.md"))
    return [
        (block.line, block.text if isinstance(block, Sample) else block.written or block.source)
        for block in runbook.blocks
        if isinstance(block, Cell | Sample)
    ]


def _language(info: str) -> str:
    return (info.split() or [""])[0]


def _spec(path: Path) -> Path:
    names = ("spec.txt", "test/spec.txt")
    return next(path / name for name in names if (path / name).is_file())


def main() -> int:
    """Print what differs and how much agrees; 1 where something differs that is not declared."""
    comparison = Comparison()
    for name, written, meant in examples(_spec(Path(sys.argv[1])).read_text(encoding="utf-8")):
        text = markdown.clean(written)
        page = markdown.page(text)
        if RAW.search(written):
            continue
        ours = code(page)
        declared = ESCAPES if any(re.search(r"[\\&]", word) for word, _ in ours) else ""
        comparison.add(f"{name}: code", ours, meant_code(meant), declared)
        below = markdown.page(MATTER + text)
        comparison.add(f"{name}: code below front matter", code(below), ours)
        if page_fences := fences(page):
            comparison.add(f"{name}: cells", cells(text), page_fences)
    return comparison.finish()


if __name__ == "__main__":
    sys.exit(main())
