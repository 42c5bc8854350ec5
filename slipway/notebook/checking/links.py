"""Whether the links of a Markdown file lead anywhere: to files, and to the anchors of headings."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

from slipway.notebook.problem import Problem, nearest, where
from slipway.notebook.reading.markdown import Page, clean, page
from slipway.project import ROOT

ELSEWHERE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//")  # https:, mailto:
LINES = re.compile(r"L[0-9]+(C[0-9]+)?(-L[0-9]+(C[0-9]+)?)?")  # of a file, as GitHub shows it
IN_HTML = re.compile(
    r"<(?:a|img|source)\b[^<>]*?\b(?:href|src)=[\"']([^\"'<>]*)[\"']", re.IGNORECASE
)
ANCHOR_IN_HTML = re.compile(
    r"<[a-z][a-z0-9]*\b[^<>]*?\b(?:id|name)=[\"']([^\"'<>]+)[\"']", re.IGNORECASE
)
UNDEFINED = re.compile(r"(?<![\w\]])\[[^\[\]]+\]\[([^\[\]]+)\]")


def check(path: Path, text: str, top: Path | None = None) -> list[Problem]:
    """Return what is wrong with the links of a file that holds this text.

    `top` is the folder of a collection that a site may be made of, where a link may name a page
    and not a file; None for a file of this project.
    """
    parsed = page(clean(text))
    problems = {
        Problem(where(path), line, complaint, elsewhere="warning")
        for line, target in _targets(parsed)
        if not (top and _is_of_site(path, target, top))
        and (complaint := _complain(path, parsed, target))
    }
    for line, label in _undefined(parsed):
        labels = [str(each).lower() for each in parsed.references]
        complaint = f"the link [{label}] is not defined{nearest(label.lower(), labels)}"
        problems.add(Problem(where(path), line, complaint, elsewhere="warning"))
    return sorted(problems)


def _is_of_site(path: Path, target: str, top: Path) -> bool:
    """Whether only who makes a site of the collection knows where a link leads."""
    name = unquote(re.split(r"[?#]", target)[0])
    if "{{" in target or "{%" in target:  # a shortcode of Hugo, a macro of Jekyll
        return True
    if not name or ELSEWHERE.match(target):
        return False
    file = path.parent / name
    is_page = Path(name).suffix in ("", ".html") or name.startswith("/")
    return (is_page and not _exists(file)) or not file.resolve().is_relative_to(top.resolve())


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def anchors(parsed: Page) -> set[str]:
    """Return all that a link into this page may point to."""
    raw = (content for _, content in _html(parsed))
    return {*parsed.anchors.values(), *(a for html in raw for a in ANCHOR_IN_HTML.findall(html))}


def _complain(path: Path, parsed: Page, target: str) -> str | None:
    try:
        return _complaint(path, parsed, target)
    except (OSError, ValueError, RuntimeError):  # a name no file system takes, a circle of links
        return f"there is no file {target[:40]!a}"


def _complaint(path: Path, parsed: Page, target: str) -> str | None:
    if ELSEWHERE.match(target):
        return None
    before, _, anchor = target.partition("#")
    name, anchor = unquote(before.partition("?")[0]), unquote(anchor)
    if not name:
        return _no_anchor("this file", anchor, anchors(parsed))
    file = ROOT / name.lstrip("/") if name.startswith("/") else path.parent / name
    if _is_inside(path) and not _is_inside(file):
        return f"the link {name} leads out of the project"
    if not file.exists():
        return f"there is no file {name}{_nearest_file(file, name)}"
    if file.is_dir():
        file = file / "README.md"
    if not anchor or LINES.fullmatch(anchor) or file.suffix != ".md" or not file.is_file():
        return None
    other = page(clean(file.read_text(encoding="utf-8", errors="replace")))
    return _no_anchor(name, anchor, anchors(other))


def _no_anchor(place: str, anchor: str, anchors: Iterable[str]) -> str | None:
    if anchor in {"", "top", *anchors} or LINES.fullmatch(anchor):
        return None
    hint = nearest(f"#{anchor}", sorted(f"#{each}" for each in anchors))
    return f"{place} has no heading #{anchor}{hint}"


def _nearest_file(file: Path, name: str) -> str:
    folder = file.parent
    if not folder.is_dir():
        return ""
    start = name.removesuffix(file.name)
    return nearest(name, sorted(f"{start}{each.name}" for each in folder.iterdir()))


def _is_inside(path: Path) -> bool:
    return path.resolve().is_relative_to(ROOT)


def _targets(parsed: Page) -> Iterator[tuple[int, str]]:
    """Yield each line, from 1, with where something on it links to."""
    for entry in parsed.references.values():
        yield entry["map"][0] + 1, entry["href"]
    for line, html in _html(parsed):
        for match in IN_HTML.finditer(html):
            yield line + html.count("\n", 0, match.start()), match[1]
    for line, token in parsed.words:
        by_reference = "label" in token.meta  # reported where it is defined
        target = token.attrs.get("href") or token.attrs.get("src")
        if target and not by_reference:
            yield line, str(target)


def _undefined(parsed: Page) -> Iterator[tuple[int, str]]:
    written = {
        label
        for node in parsed.walk()
        if node.kind == "inline"
        for label in UNDEFINED.findall(node.token.content)
    }
    for line, token in parsed.words:
        if token.type == "text":
            for label in UNDEFINED.findall(token.content):
                if label in written:  # with no backslash before its brackets
                    yield line, label


def _html(parsed: Page) -> Iterator[tuple[int, str]]:
    for node in parsed.walk():
        if node.kind == "html_block":
            yield node.begin + 1, node.token.content
    for line, token in parsed.words:
        if token.type == "html_inline":
            yield line, token.content
