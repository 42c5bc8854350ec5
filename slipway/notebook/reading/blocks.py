"""From a parsed page to the blocks of a runbook: sections, cells and their ids, steps by hand."""

import itertools
import re
from collections.abc import Sequence
from typing import Protocol

from slipway.notebook.document import (
    SECTIONS,
    Alert,
    Block,
    Cell,
    Heading,
    ManualStep,
    Prose,
    Sample,
    SectionName,
)
from slipway.notebook.problem import Elsewhere
from slipway.notebook.reading import attributes, near_misses, typed
from slipway.notebook.reading.markdown import Node, Page, plain

ALERTS = ["note", "tip", "important", "warning", "caution"]
ALERT = re.compile(r"\[!([A-Za-z]+)\][ \t]*(.*)")
TODO = re.compile(r"\[([ xX])\][ \t\n]+(?=\S)")
NEARLY_TODO = re.compile(r"\[[ xX]?\](?![(\[:])")
MKDOCS = re.compile(r"[ \t]*(===\+?!?|!!!|\?\?\?\+?)[ \t]+[\w\"]")
QUOTE = re.compile(r"[ \t]*> ?")


class ReportProblem(Protocol):
    def __call__(
        self, line: int, text: str, *, warning: bool = False, elsewhere: Elsewhere = ""
    ) -> None: ...


class BlockReader:
    """Goes through a page once; what is wrong is told to `complain` by line."""

    def __init__(self, page: Page, complain: ReportProblem, *, native: bool = True) -> None:
        self.page = page
        self.native = native
        self.complain = complain
        self.blocks: list[Block] = []
        self.section: SectionName = "about"
        self.heading: Heading | None = None
        self._is_mkdocs = any(MKDOCS.match(line) for line in page.lines)
        self._anchors = set(page.anchors.values())
        self._ids: dict[str, int] = {}  # each id with its line
        self._counted: dict[str, int] = {}  # the number to try next after each slug

    def read(self) -> tuple[Block, ...]:
        """Return the blocks in the order of their lines."""
        self._read_nodes(self.page.blocks, quotes=0, depth=0)
        return tuple(self.blocks)

    def _read_nodes(self, nodes: Sequence[Node], quotes: int, depth: int) -> None:
        for special, group in itertools.groupby(nodes, key=_is_special):
            if not special:
                self._prose(list(group), quotes)
                continue
            for node in group:
                match node.kind:
                    case "heading" if depth == 0:
                        self._heading(node)
                    case "fence":
                        self._fence(node)
                    case "blockquote":
                        self._quote(node, quotes + 1, depth)
                    case "list_item":
                        self._item(node, quotes, depth)
                    case _:
                        self._read_nodes(node.children, quotes, depth + 1)

    def _heading(self, node: Node) -> None:
        text = plain(node.inline).strip()
        level, line = int(node.token.tag[1]), node.begin + 1
        native = SECTIONS.get(text.casefold())
        meant = native if self.native else near_misses.section_of_others(text)
        if level == 1:
            self.section = "about"
        elif level == 2:
            self.section = meant or "steps"
            if self.native and meant is None and (hint := near_misses.in_section(text)):
                what = f'"{text}" is not a section of a runbook{hint}'
                self.complain(line, what)
        elif self.native and meant not in (None, self.section):
            what = f'"{text}" means something only at level 2: write ## {text}'
            self.complain(line, what)
        self.heading = Heading(line, self.section, level, text, self.page.anchors[node.begin])
        self.blocks.append(self.heading)

    def _prose(self, nodes: list[Node], quotes: int) -> None:
        first, last = nodes[0].begin, nodes[-1].end
        text = _source(self.page.lines[first:last], quotes)
        if text:
            self.blocks.append(Prose(first + 1, self.section, text + self._references(text)))
        self._check_prose(nodes)

    def _check_prose(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            for line, slip in near_misses.in_prose(node):
                # MkDocs has what stands in a tab or a note indented by four.
                self.complain(line, slip, elsewhere="nothing" if self._is_mkdocs else "warning")

    def _references(self, text: str) -> str:
        """Return the definitions that a piece needs to be rendered alone."""
        if "[" not in text or not self.page.references:
            return ""
        inner = {" ".join(part.split()).upper() for part in re.findall(r"\[([^\[\]]+)\]", text)}
        definitions = [
            f"\n[{label}]: <{entry['href']}>"
            for label, entry in self.page.references.items()
            if label in inner and f"[{label}]:" not in text.upper()
        ]
        return "\n" + "".join(definitions) if definitions else ""

    def _quote(self, node: Node, quotes: int, depth: int) -> None:
        inline = node.children[0].inline if node.children else None
        match = ALERT.match(inline.content) if inline else None
        if inline is None or match is None:
            self._read_nodes(node.children, quotes, depth + 1)
            return
        line, kind = node.begin + 1, match[1].lower()
        if kind not in ALERTS:
            kinds = ", ".join(f"[!{each.upper()}]" for each in ALERTS)
            what = f"there is no alert [!{match[1]}], but {kinds}"
            self.complain(line, what, elsewhere="warning")
        elif match[2]:
            what = f"[!{match[1]}] stands alone on its line, the text below it"
            self.complain(line, what, elsewhere="warning")
        elif depth:
            what = "an alert in a list is drawn as a plain quote: move it out"
            self.complain(line, what, elsewhere="warning")
        text, rest = self._leading(node, inline.content[match.end(1) + 1 :], quotes)
        self.blocks.append(Alert(line, self.section, kind, text))
        self._read_nodes(rest, quotes, depth + 1)

    def _item(self, node: Node, quotes: int, depth: int) -> None:
        inline = node.children[0].inline if node.children else None
        match = TODO.match(inline.content) if inline else None
        line = node.begin + 1
        if inline and match:
            if match[1] != " ":
                text = "this box is ticked in the file: every run ticks its own"
                self.complain(line, text, warning=True)
            text, rest = self._leading(node, inline.content[match.end() :], quotes)
            self._enter_steps(line)
            slug, title = self._slug_and_title()
            id = self._id(f"{slug}-todo", line, number=True)
            self.blocks.append(ManualStep(line, self.section, id, title, text))
        elif inline and NEARLY_TODO.match(inline.content):
            what = "a step by hand is written - [ ] and then its text"
            self.complain(line, what, elsewhere="warning")
            return
        else:
            lead = list(itertools.takewhile(lambda child: not _is_special(child), node.children))
            rest = node.children[len(lead) :]
            if lead:
                self._prose([Node(node.token, tuple(lead), node.begin, lead[-1].end)], quotes)
        self._read_nodes(rest, quotes, depth + 1)

    def _leading(self, node: Node, text: str, quotes: int) -> tuple[str, Sequence[Node]]:
        """Join the text of a first paragraph to what is plain after it; return what is not."""
        lead = list(itertools.takewhile(lambda each: not _is_special(each), node.children[1:]))
        self._check_prose(node.children[: 1 + len(lead)])
        first = "\n".join(line.lstrip() for line in text.split("\n")).strip()
        parts = [first, *(_source(self.page.lines[n.begin : n.end], quotes) for n in lead)]
        return "\n\n".join(part for part in parts if part), node.children[1 + len(lead) :]

    def _fence(self, node: Node) -> None:
        line, source = node.begin + 1, node.token.content
        opening = attributes.read(node.token.info)
        for complaint, elsewhere in opening.complaints:
            self.complain(line, complaint, elsewhere=elsewhere)
        for where, slip in near_misses.around_fence(node):
            self.complain(where, slip)
        if opening.runs is None:
            self.blocks.append(Sample(line, self.section, opening.language, source))
            return
        options = opening.attributes
        if not options.skip:
            self._enter_steps(line)
        if not source.strip():
            what = "this cell is empty: write a command, or remove it"
            self.complain(line, what, elsewhere="warning")
        for where, slip in near_misses.unseen(self.page, node):
            self.complain(where, slip)
        slug, title = self._slug_and_title()
        id = self._own_id(options.name, line) or self._id(slug, line)
        cell = Cell(
            line, self.section, id, title, opening.runs, source, options, native=self.native
        )
        for complaint in attributes.clashes(options, is_check=cell.is_check):
            self.complain(line, complaint, elsewhere="warning")
        self.blocks.append(typed.as_it_runs(cell, with_blanks=not self.native))

    def _enter_steps(self, line: int) -> None:
        """See that nothing that is to be done is left out in silence."""
        if self.section == "about":
            self.section = "steps"  # what stands before any section
        if self.section == "escalate":
            text = "what stands in Escalate is read and never run: move it, or write it as prose"
            self.complain(line, text, warning=True)

    def _slug_and_title(self) -> tuple[str, str]:
        if self.heading is None:
            return "cell", ""
        return self.heading.slug or "cell", self.heading.text

    def _own_id(self, name: str, line: int) -> str:
        if not name:
            return ""
        own = self.heading is not None and self.heading.slug == name
        if name in self._ids:
            self.complain(line, f"name={name} is taken by line {self._ids[name]}: choose another")
            return ""
        if name in self._anchors and not own:
            self.complain(line, f"name={name} is the anchor of a heading: choose another")
            return ""
        self._ids[name] = line
        return name

    def _id(self, stem: str, line: int, *, number: bool = False) -> str:
        """Return an id that neither a cell nor another heading has."""
        own = self.heading.slug if self.heading else ""
        n = self._counted.get(stem, 1 if number else 0)
        while True:
            id = f"{stem}-{n}" if n else stem
            if id not in self._ids and (id == own or id not in self._anchors):
                break
            n += 1
        self._counted[stem] = n + 1
        self._ids[id] = line
        return id


def _is_special(node: Node) -> bool:
    """Whether a block is more than prose, or holds what is."""
    return any(_is_special_itself(each) for each in node.walk()) or node.kind == "heading"


def _is_special_itself(node: Node) -> bool:
    if node.kind == "fence":
        return True
    inline = node.children[0].inline if node.children else None
    if inline is None:
        return False
    if node.kind == "list_item":
        return bool(TODO.match(inline.content) or NEARLY_TODO.match(inline.content))
    return node.kind == "blockquote" and bool(ALERT.match(inline.content))


def _source(lines: Sequence[str], quotes: int) -> str:
    """Return lines as they stand, without the marks and the indent of what they are in."""
    stripped = list(lines)
    for _ in range(quotes):
        stripped = [QUOTE.sub("", line, count=1) for line in stripped]
    stripped = [line.expandtabs(4) if line[:1].isspace() else line for line in stripped]
    while stripped and not stripped[0].strip():
        stripped.pop(0)
    if not stripped:
        return ""
    indent = len(stripped[0]) - len(stripped[0].lstrip())
    cut = [line[min(indent, len(line) - len(line.lstrip())) :] for line in stripped]
    return "\n".join(cut).rstrip()
