"""What a runbook is made of: headings, prose, warnings, cells to run and steps to do by hand.

Values only; `parse` makes them from Markdown, and nothing here reads or runs anything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

SectionName = Literal["about", "before", "steps", "verify", "roll back", "escalate", "afterwards"]
Language = Literal["sh", "python"]

# Level-2 headings that mean something; any other begins a part of the steps.
SECTIONS: Mapping[str, SectionName] = {
    "impact": "about",
    "before you start": "before",
    "verify": "verify",
    "stop and roll back if": "verify",
    "roll back": "roll back",
    "escalate": "escalate",
    "afterwards": "afterwards",
}
CHECKING: frozenset[SectionName] = frozenset({"before", "verify"})  # their cells only look
ORDER: tuple[SectionName, ...] = ("about", "before", "steps", "verify", "afterwards")  # of a run
WAY_BACK: tuple[SectionName, ...] = ("roll back",)


@dataclass(frozen=True)
class Attributes:
    """What stands in the braces after a fence's language; durations are in seconds."""

    name: str = ""
    check: bool = False
    confirm: str | None = None  # the question; "" asks the usual one
    destructive: bool = False
    timeout: float | None = None
    retry: int = 0  # further attempts of a check that fails
    every: float = 1.0
    interactive: bool = False
    cwd: str = ""
    capture: str = ""  # the variable that gets the cell's stdout
    when: str = ""  # a shell test; the cell is skipped where it is false
    skip: bool = False  # shown, never run


@dataclass(frozen=True)
class FrontMatter:
    """The front matter: what the title does not say."""

    tasks: tuple[str, ...] = ()  # `task:`, one name or a list
    owner: str = ""
    risk: Literal["", "low", "medium", "high"] = ""
    time: str = ""
    last_tested: str = ""  # an ISO date
    needs: tuple[str, ...] = ()
    params: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    awaits: tuple[str, ...] = ()  # tasks this runbook is written against that do not exist yet
    title: str = ""  # as Hugo and MkDocs have it, for a page without a heading of the first level

    @property
    def is_native(self) -> bool:
        """Whether only a runbook that was written for this kit says so of itself."""
        return bool(self.tasks or self.params or self.awaits or self.last_tested)


@dataclass(frozen=True)
class Heading:
    """A heading; `slug` is the anchor that GitHub gives it."""

    line: int
    section: SectionName
    level: int
    text: str
    slug: str


@dataclass(frozen=True)
class Prose:
    """Markdown to be read, as it stands in the file."""

    line: int
    section: SectionName
    text: str


@dataclass(frozen=True)
class Alert:
    """A GitHub alert, `> [!WARNING]`, drawn right before the next cell."""

    line: int
    section: SectionName
    kind: str  # note, tip, important, warning, caution
    text: str


@dataclass(frozen=True)
class Sample:
    """A fence that is shown and never run: expected output, a file's content."""

    line: int
    section: SectionName
    language: str
    text: str


@dataclass(frozen=True)
class Cell:
    """A fence that runs. `line` is that of its opening fence; its source begins one below."""

    line: int
    section: SectionName
    id: str  # the slug of its heading, with -1, -2 for more under the same; or its name
    title: str  # the text of its heading
    language: Language
    source: str  # what runs: without prompts, and with a variable for each blank
    attributes: Attributes = Attributes()
    written: str = ""  # what stands in the file, where that is something else
    blanks: tuple[tuple[str, str], ...] = ()  # each variable with the text of its blank, `<node>`
    native: bool = True  # of a runbook that was written for this kit
    fault: str = ""  # why it cannot run as it stands, where it is not native

    @property
    def is_check(self) -> bool:
        """Whether it only looks, so that it may run again freely."""
        return self.attributes.check or (self.native and self.section in CHECKING)

    @property
    def end(self) -> int:
        """The line of its closing fence."""
        return self.line + 1 + len((self.written or self.source).splitlines())

    @property
    def is_gate(self) -> bool:
        """Whether somebody has to say yes before it runs."""
        return self.attributes.confirm is not None or self.attributes.destructive


@dataclass(frozen=True)
class ManualStep:
    """A `- [ ]` item: a person does it and says so."""

    line: int
    section: SectionName
    id: str  # the slug of its heading with -todo-1, -todo-2, ...
    title: str
    text: str


Action = Cell | ManualStep
Block = Heading | Prose | Alert | Sample | Cell | ManualStep


@dataclass(frozen=True)
class Runbook:
    """One Markdown file, in the order of its lines."""

    path: Path
    name: str  # the file's path in the collection without .md
    title: str
    summary: str  # the first paragraph
    matter: FrontMatter
    blocks: tuple[Block, ...]
    text: str  # the whole file
    digest: str  # SHA-256 of the text, in hexadecimal
    native: bool = True  # written for this kit: what it says in braces and sections is meant so

    def actions(self, *sections: SectionName) -> Iterator[Action]:
        """Return what is run or done, of some sections or of all, in the file's order."""
        for block in self.blocks:
            if isinstance(block, Cell | ManualStep) and (not sections or block.section in sections):
                yield block

    def cells(self, *sections: SectionName) -> Iterator[Cell]:
        """Return the cells among the actions."""
        return (action for action in self.actions(*sections) if isinstance(action, Cell))

    @property
    def has_way_back(self) -> bool:
        """Whether it has a section *Roll back*, be it only prose."""
        return any(isinstance(b, Heading) and b.section == "roll back" for b in self.blocks)
