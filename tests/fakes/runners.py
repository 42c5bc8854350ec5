"""A run without a terminal and without a shell: a person with answers, a watcher, a script."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from slipway.notebook.cells.result import CellResult
from slipway.notebook.cells.session import Screen
from slipway.notebook.commands import Commands, Flag
from slipway.notebook.document import Action, Block, Cell
from slipway.notebook.records.event import Outcome
from slipway.notebook.runs.interfaces import Answer, Location, PrompterGone

CTRL_C = "^C"
CTRL_D = "^D"


class ScriptedPrompter:
    """A person who answers from a list; ^C and ^D are what they are."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.questions: list[str] = []
        self.offered: list[tuple[Answer, ...]] = []
        self.locations: list[Location] = []

    def choose(self, question: str, offers: Sequence[Answer], location: Location) -> Answer:
        self.offered.append(tuple(offers))
        answer = self.type(question, location)
        chosen = [offer for offer in offers if offer == answer]
        assert chosen, f"{answer} is none of {offers} at “{question}”"
        return chosen[0]

    def type(self, question: str, location: Location) -> str:
        self.questions.append(question)
        self.locations.append(location)
        assert self.answers, f"nobody thought of an answer to “{question}”"
        answer = self.answers.pop(0)
        if answer == CTRL_C:
            raise KeyboardInterrupt
        if answer == CTRL_D:
            raise PrompterGone
        return answer


class RecordingDisplay:
    """A screen and a display that keep all that they get."""

    def __init__(self) -> None:
        self.output = b""
        self.blocks: list[Block] = []
        self.actions: list[tuple[str, Mapping[str, str]]] = []
        self.notes: list[str] = []
        self.ends: list[tuple[str, str]] = []
        self.attempts: list[tuple[int, int]] = []
        self.warnings: list[str] = []
        self.closed = ""

    @property
    def screen(self) -> Screen:
        return self

    def write(self, data: bytes) -> None:
        self.output += data

    def begin(self, title: str, facts: Mapping[str, str], warnings: Sequence[str]) -> None:
        self.warnings += warnings

    def read(self, blocks: Sequence[Block]) -> None:
        self.blocks += blocks

    def action(self, action: Action, values: Mapping[str, str]) -> None:
        self.actions.append((action.id, values))

    def attempt(self, n: int, of: int) -> None:
        self.attempts.append((n, of))

    def ended(self, cell: Cell, result: CellResult, excerpt: str = "") -> None:
        self.ends.append((cell.id, result.outcome))

    def note(self, text: str, *, loud: bool = False) -> None:
        self.notes.append(text)

    def text(self, text: str) -> None:
        self.notes.append(text)

    def closing(self, ending: str, seconds: float, transcript: Path | None, run: str) -> None:
        self.closed = ending


class ScriptedShell:
    """A shell in which cells end as a script says, and pass otherwise."""

    def __init__(self, folder: Path, ends: Mapping[str, Sequence[Outcome]] | None = None) -> None:
        self.ran: list[str] = []
        self.loaded: list[int] = []
        self.shells = 0
        self._folder = folder
        self._ends = {name: list(outcomes) for name, outcomes in (ends or {}).items()}

    def load(self, n: int) -> tuple[str, ...]:
        self.loaded.append(n)
        return ()

    def run(self, cell: Cell, n: int, screen: Screen) -> CellResult:
        self.ran.append(cell.id)
        script = self._ends.get(cell.id, [])
        outcome = script.pop(0) if script else "passed"
        log = self._folder / "cells" / f"{n:02}.log"
        log.write_text(f"{cell.id} says {outcome}\n")
        return CellResult(outcome, 0 if outcome == "passed" else 2, 0.1, log)

    def test(self, condition: str) -> bool:
        return condition != "false"

    def values(self, names: Sequence[str]) -> Mapping[str, str]:
        return {}

    def assign(self, values: Mapping[str, str]) -> None: ...

    def shell(self, tell: Callable[[str], None]) -> int:
        self.shells += 1
        return 0

    def close(self) -> None: ...


class NoLock:
    """An environment that nobody else wants."""

    def advance_to(self, action: Action) -> None: ...


class Tasks(Commands):
    """A project with one task, whose commands are all right."""

    def tasks(self) -> Mapping[str, str]:
        return {"deploy": "deploy"}

    def flags(self, task: str) -> Sequence[Flag]:
        choices = ("staging", "prod")
        return [Flag("env", "Where to.", choices=choices, is_required=True), Flag("release")]

    def complaint(self, words: Sequence[str]) -> str | None:
        return None
