"""Slips of the pen: what Markdown takes silently for prose, or for one fence, and was not meant so.

Each function yields lines, counted from 1, with what is wrong there and what would be right.
"""

import difflib
import re
from collections.abc import Iterator

from slipway.notebook.document import SECTIONS, SectionName
from slipway.notebook.reading.markdown import Node, Page

Slips = Iterator[tuple[int, str]]

FENCE = re.compile(r"[ \t]*(```|~~~)")
# A line of three backticks and more is a fence unless a backtick follows or it is indented by four.
SPOILED = re.compile(r"[ \t]*`{3,}(?:[^`]*$|[ \t]*\w+[ \t]*\{)")
# What a terminal or an editor does not show, or shows in another order than it runs.
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def in_prose(node: Node) -> Slips:
    """Yield lines that were meant to open a fence and open none, and comments without an end."""
    for each in node.walk():
        content, first = each.token.content, each.begin + 1
        if each.kind == "inline" and "```" in content:
            for n, line in enumerate(content.split("\n")):
                if SPOILED.match(line):
                    advice = "indent it less, and write no backtick after it"
                    yield first + n, f"this line opens no fence: {advice}"
        elif each.kind == "code_block" and FENCE.match(content):
            yield first, "indented by four, this fence is shown and never run: indent it less"
        elif each.kind == "html_block" and content.lstrip().startswith("<!--"):
            yield from _in_comment(content, first)
        elif each.kind == "html_block":
            for n, line in enumerate(content.split("\n")):
                if FENCE.match(line):
                    yield first + n, "a fence in HTML is not seen: leave an empty line before it"
                    break


def around_fence(node: Node) -> Slips:
    """Yield a fence that ends nowhere, or where another was meant to end."""
    mark, content, first = node.token.markup, node.token.content, node.begin + 1
    if node.end - node.begin - 2 != content.count("\n"):
        advice = f"end it with a line of {_short(mark)}, indented as its beginning"
        yield first, f"this fence is never closed: {advice}"
    again = re.compile(rf"[ \t>]*{re.escape(mark)}{re.escape(mark[0])}*[ \t]*[\w{{]")
    for n, line in enumerate(content.split("\n")):
        if again.match(line):
            advice = f"close it with {_short(mark)} before, or open it with {_short(mark)}{mark[0]}"
            yield first + 1 + n, f"the fence of line {first} continues here: {advice}"
            return


def unseen(page: Page, node: Node) -> Slips:
    """Yield the lines of a cell that do not look like what they do."""
    for n, line in enumerate(page.lines[node.begin + 1 : node.end]):
        if match := UNSEEN.search(line):
            yield node.begin + 2 + n, f"U+{ord(match[0]):04X} cannot be seen here: remove it"


def in_section(text: str) -> str:
    """Return ` (did you mean "Roll back"?)` for a heading that nearly is one with a meaning."""
    squeezed = re.sub(r"\W+", "", text.casefold())
    same = [title for title in SECTIONS if title.replace(" ", "") == squeezed]
    near = same or difflib.get_close_matches(text.casefold()[:40], SECTIONS, n=1, cutoff=0.8)
    return f' (did you mean "{near[0].capitalize()}"?)' if near else ""


def section_of_others(text: str) -> SectionName | None:
    """Return what a heading means in a runbook that was not written for this kit.

    It is read from top to bottom, but no run may walk into its way back.
    """
    squeezed = re.sub(r"\W+", "", text.casefold())
    if re.match(r"roll(ing)?backs?(?!end)", squeezed):
        return "roll back"
    return "escalate" if re.match(r"escalat(e|ion)", squeezed) else None


def _in_comment(content: str, first: int) -> Slips:
    """Yield a comment that hides more of the page than it was meant to."""
    head, end, _ = content.partition("-->")
    if not end:
        yield first, "this comment is never closed, and hides all that follows: end it with -->"
    for n, line in enumerate(head.split("\n")):
        if n and line.lstrip().startswith("<!--"):
            yield first + n, f"the comment of line {first} continues here: end it with --> before"
            return


def _short(mark: str) -> str:
    return mark if len(mark) < 10 else f"{mark[:3]}…"
