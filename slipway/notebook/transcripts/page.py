"""The transcript of a run as one HTML page that needs nothing else: opens offline, prints well."""

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.environments.protection import PRODUCTION
from slipway.notebook.cells import output
from slipway.notebook.document import (
    Action,
    Alert,
    Cell,
    Heading,
    ManualStep,
    Runbook,
)
from slipway.notebook.reading import markup
from slipway.notebook.records import record
from slipway.notebook.transcripts import timeline
from slipway.notebook.transcripts.ansi import coloured, to_html, visible
from slipway.notebook.transcripts.attempts import (
    Attempt,
    Happening,
    RunHistory,
    join_events,
    runbook_as_run,
)
from slipway.notebook.transcripts.transcript import mark

if TYPE_CHECKING:
    from markdown_it.token import Token

LIMIT = 2_000  # lines of one cell's output
STYLE = Path(__file__).with_name("page.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def make(folder: Path) -> str:
    """Return the page of a run."""
    text = markup.runbook_of(folder)
    events = record.read(folder)
    runbook = runbook_as_run(text, events)
    numbers = {cell.id: n for n, cell in enumerate(runbook.cells(), start=1)}
    history = join_events(events, numbers)
    body = PageBody(runbook, history, folder).render(text)
    picture = timeline.draw(history, titles(runbook))
    legend = "A bar: it ran. A dotted line: it waited for a person. Hatched: it did not pass."
    figure = f"<figure>{picture}<figcaption>{legend}</figcaption></figure>" if picture else ""
    env = history.begin.get("env")
    where = f" in {env}" if env else ""
    title = f"{runbook.title or folder.name}{where}: {history.result}"
    slug = next((b.slug for b in runbook.blocks if isinstance(b, Heading) and b.level == 1), "")
    named = f' id="{_text(slug)}"' if slug else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="run" content="{_text(folder.name)}">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n"
        f"</head>\n<body>\n<header>\n{_pills(history)}\n<h1{named}>{_text(runbook.title)}</h1>\n"
        f"{_facts(history, runbook)}\n{figure}\n</header>\n<main>\n{body}\n</main>\n"
        f"<footer>Run {_text(folder.name)}. Times are UTC.</footer>\n</body>\n</html>\n"
    )


def highlighted(source: str, language: str) -> str:
    """Escape a cell's source for HTML, with classes for what stands out."""
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
    from pygments.token import Comment, Keyword, Name, String  # type: ignore[import-untyped]

    kinds = {Comment: "comment", String: "string", Name.Variable: "name", Keyword: "keyword"}
    lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    parts = []
    for kind, text in lexer.get_tokens(source):
        name = next((name for each, name in kinds.items() if kind in each), "")
        escaped = html.escape(text)
        parts.append(f'<span class="{name}">{escaped}</span>' if name else escaped)
    return "".join(parts)


def titles(runbook: Runbook) -> Mapping[str, str]:
    """Name each action: by its heading where that is its alone, by its text when done by hand."""
    headings = [each.title for each in runbook.cells()]
    seen: dict[str, int] = {}
    names: dict[str, str] = {}
    for action in runbook.actions():
        if isinstance(action, ManualStep):
            names[action.id] = re.sub(r"[`*]", "", action.text)
            continue
        seen[action.title] = seen.get(action.title, 0) + 1
        more = f" ({seen[action.title]})" if headings.count(action.title) > 1 else ""
        names[action.id] = action.title + more
    return names


class PageBody:
    """The runbook's text with what happened put behind each cell and each step."""

    def __init__(self, runbook: Runbook, history: RunHistory, folder: Path) -> None:
        self.history = history
        self.folder = folder
        self.actions = {each.line: each for each in runbook.actions()}
        self.headings = {b.line: b for b in runbook.blocks if isinstance(b, Heading)}
        self.alerts = {b.line: b for b in runbook.blocks if isinstance(b, Alert)}
        self.ids = {each.id for each in self.actions.values()}
        self.title = next((line for line, b in self.headings.items() if b.level == 1), 0)

    def render(self, text: str) -> str:
        """Return the HTML of it all."""
        tokens = list(self._interleave(markup.tokens(visible("\n".join(markup.lines(text))))))
        parser = markup.parser()
        parts = [str(parser.renderer.render(tokens, parser.options, {}))]
        unknown = [e for e in self.history.happenings if e.cell and e.cell not in self.ids]
        if unknown:
            parts.append("<p>At cells that the runbook did not have when the run began:</p>")
        parts += [
            f'<div class="cell">{self._report(rest, None)}</div>'
            for rest in (unknown, list(self.history.of("")))
            if rest
        ]
        return "\n".join(parts)

    def _interleave(self, tokens: "Sequence[Token]") -> "Iterator[Token]":
        opened: list[Action | Alert | None] = []
        is_title = is_marked = False
        for token in tokens:
            line = token.map[0] + 1 if token.map else 0
            if token.type == "heading_open":
                is_title = line == self.title
                if heading := self.headings.get(line):
                    token.attrSet("id", heading.slug)
            if token.type in ("list_item_open", "blockquote_open"):
                opened.append(self._opened(token, line))
                is_marked = opened[-1] is not None
            if token.type in ("list_item_close", "blockquote_close"):
                about = opened.pop()
                if isinstance(about, ManualStep):
                    yield _raw(self._report(list(self.history.of(about.id)), None))
            if token.type == "inline" and is_marked:
                _without_marker(token)
                is_marked = False
            if is_title:  # it stands above all
                is_title = token.type != "heading_close"
                continue
            if token.type == "table_open":
                yield _raw('<div class="wide" tabindex="0">')
            if token.type in ("fence", "code_block"):
                yield _raw(self._fence(token, self.actions.get(line)))
            else:
                yield token
            if token.type == "table_close":
                yield _raw("</div>")
            if token.type == "blockquote_open" and isinstance(about := opened[-1], Alert):
                yield _raw(f'<p class="kind">{_text(about.kind.capitalize())}</p>')

    def _opened(self, token: "Token", line: int) -> Action | Alert | None:
        if token.type == "blockquote_open":
            alert = self.alerts.get(line)
            if alert:
                token.attrSet("class", f"alert {alert.kind}")
            return alert
        step = self.actions.get(line)
        if not isinstance(step, ManualStep):
            return None
        token.attrSet("class", f"step {_class(self.history.actions.get(step.id))}")
        token.attrSet("id", f"cell:{step.id}")
        return step

    def _fence(self, token: "Token", action: Action | None) -> str:
        if not isinstance(action, Cell):
            return f'<pre class="sample" tabindex="0">{html.escape(token.content)}</pre>\n'
        happened = list(self.history.of(action.id))
        standing = _class(self.history.actions.get(action.id))
        language = f'<span class="language">{_text(" · ".join(_traits(action)))}</span>'
        return (
            f'<div class="cell {standing}" id="cell:{_text(action.id)}">{language}'
            f'<pre class="source">{highlighted(token.content, action.language)}</pre>'
            f"{self._report(happened, action)}</div>\n"
        )

    def _report(self, happened: Sequence[Happening], cell: Cell | None) -> str:
        if not happened:
            return '<p class="line"><span class="sign not-run">·</span>not run</p>'
        return "".join(self._line(each, cell) for each in happened)

    def _line(self, each: Happening, cell: Cell | None) -> str:
        at = each.began if isinstance(each, Attempt) else each.at
        time = f'<time datetime="{at.isoformat()}">{self.history.clock(at)}</time>'
        sign = mark(each.standing)
        signed = f'<span class="sign {_class(each.standing)}">{sign}</span>'
        if not isinstance(each, Attempt):
            return f'<p class="line">{signed}<span class="said">{_text(each.text)}</span>{time}</p>'
        facts = _facts_of(each.facts(cell))
        line = f'{signed}<span class="said">{facts}</span>{time}'
        log = self.folder / "cells" / f"{each.n:02}.log"
        printed = to_html(output.excerpt(log, LIMIT, coloured))
        if not printed.strip():
            return f'<p class="line">{line}</p>'
        passed_since = (
            cell and cell.attributes.retry and self.history.actions.get(each.cell) == "passed"
        )
        is_open = "" if each.standing == "passed" or passed_since else " open"
        return (
            f'<details{is_open}><summary class="line">{line}</summary>'
            f'<pre class="output" tabindex="0">{printed}</pre></details>'
        )


def _facts_of(facts: Sequence[str]) -> str:
    first, *others = map(_text, facts)
    return f"<b>{first}</b>" + "".join(f" · {each}" for each in others)


def _pills(history: RunHistory) -> str:
    """Show result and environment before anything else."""
    sign = {"done": "✓", "failed": "✗", "rolled back": "↩"}.get(history.ending, "■")
    result = _text(f"{sign} {history.result.capitalize()}")
    env = str(history.begin.get("env") or "")
    where = f'<span class="env {"prod" if env in PRODUCTION else ""}">{_text(env)}</span>'
    pills = f'<span class="result {_class(history.ending)}">{result}</span>{where if env else ""}'
    return f'<p class="pills">{pills}</p>'


def _facts(history: RunHistory, runbook: Runbook) -> str:
    shown = ("Result", "Environment")  # above the title already
    facts = {name: value for name, value in history.facts().items() if name not in shown}
    facts |= {"Owner": runbook.matter.owner, "Risk": runbook.matter.risk}
    pairs = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>"
        for name, value in facts.items()
        if value
    )
    return f"<dl>{pairs}</dl>"


def _traits(cell: Cell) -> Iterable[str]:
    """Say what kind of cell it is, in words a reader of the page understands."""
    yield cell.language
    if cell.is_check:
        yield "only looks"
    if cell.attributes.destructive:
        yield "destroys"
    elif cell.is_gate:
        yield "asks first"
    if cell.attributes.interactive:
        yield "interactive"


def _without_marker(token: "Token") -> None:
    """Take `[ ]` and `[!WARNING]` out of a text that shows them in another way."""
    children = token.children or []
    if children and children[0].type == "text" and children[0].content.startswith("["):
        _, _, rest = children[0].content.partition("]")
        children[0].content = rest.lstrip()


def _raw(text: str) -> "Token":
    from markdown_it.token import Token

    return Token("html_block", "", 0, content=text, block=True)


def _class(standing: str | None) -> str:
    return (standing or "not-run").replace(" ", "-")


def _text(text: str) -> str:
    return html.escape(visible(text))
