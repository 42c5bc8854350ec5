"""The same file on GitHub: headings, fences and boxes are those of GitHub's own parser."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cmarkgfm import markdown_to_html_with_extensions  # type: ignore[import-untyped]
from cmarkgfm.cmark import Options  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.notebook.document import Cell, Heading, ManualStep, Sample
from slipway.notebook.reading import parse
from slipway.notebook.reading.markdown import clean, front, page
from slipway.project import ROOT


class Rendered(HTMLParser):
    """What GitHub's own parser makes of a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[tuple[int, str]] = []
        self.fences: list[tuple[str, str]] = []
        self.boxes = 0
        self.outside = ""  # all text that is not code
        self._open: list[str] = []
        extensions = ["table", "strikethrough", "autolink", "tasklist"]
        options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_GITHUB_PRE_LANG
        self.feed(markdown_to_html_with_extensions(text, options, extensions))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "input":
            self.boxes += 1
        if tag not in ("input", "br", "img", "hr"):
            self._open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))
        if tag == "pre":
            self.fences.append((dict(attrs).get("lang") or "", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            del self._open[len(self._open) - 1 - self._open[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if "pre" in self._open:
            language, text = self.fences[-1]
            self.fences[-1] = (language, text + data)
        elif "code" not in self._open:
            self.outside += data
        if self.headings and any(re.fullmatch("h[1-6]", tag) for tag in self._open):
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)


@pytest.mark.parametrize("path", sorted((ROOT / "runbooks").glob("*.md")), ids=lambda p: p.stem)
def test_every_runbook_is_on_github_what_it_is_here(path: Path) -> None:
    runbook, _ = parse.read(path)
    lines = runbook.text.split("\n")
    github = Rendered("\n".join(lines[front(tuple(lines)) :]))
    blocks = runbook.blocks
    ours = [(b.language, b.text) for b in blocks if isinstance(b, Sample)]
    ours += [(b.language, b.source) for b in blocks if isinstance(b, Cell)]
    theirs = [("sh" if lang in ("bash", "shell") else lang, text) for lang, text in github.fences]
    assert github.headings == [(b.level, b.text) for b in blocks if isinstance(b, Heading)]
    assert sorted(theirs) == sorted(ours)
    assert github.boxes == sum(isinstance(b, ManualStep) for b in blocks)
    assert re.findall(r"\{[^}]*\}?", github.outside) == []


# Without tabs and HTML, in which the two parsers differ where no runbook goes.
STRUCTURE = [
    "```sh\n",
    "```\n",
    "~~~\n",
    "````\n",
    "- ",
    "- [ ] a\n",
    "1. ",
    "> ",
    "  ",
    "   ",
    "a\n",
    "\n",
]


@settings(max_examples=200, derandomize=True)
@given(st.lists(st.sampled_from(STRUCTURE), max_size=25).map("".join))
def test_fences_are_those_that_github_sees(text: str) -> None:
    ours = [n.token.content for n in page(clean(text)).walk() if n.kind in ("fence", "code_block")]
    assert ours == [content for _, content in Rendered(clean(text)).fences]
