"""A run as a person watches it: what comes next, what it prints, what became of it."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from slipway.notebook.cells.result import CellResult
from slipway.notebook.document import Action, Block, Cell, Heading, ManualStep
from slipway.notebook.problem import where
from slipway.notebook.transcripts.attempts import span
from slipway.show.cell_output import PLAIN, CellOutput
from slipway.show.reading import RunbookReader, is_plain
from slipway.show.writer import harmless, pass_on, tell

MARKS = {"passed": "✓", "failed": "✗", "timed out": "✗", "interrupted": "✗"}
STYLES = {"passed": "green", "failed": "bold red", "timed out": "bold red", "interrupted": "yellow"}


class Output:
    """A cell's output on stdout; remembers whether its last line was ended.

    Where a person works in the cell, it is passed on as it is.
    """

    def __init__(self) -> None:
        self._last = b"\n"
        self._shown = CellOutput(places=not is_plain(sys.stdout))
        self.is_raw = False

    def write(self, data: bytes) -> None:
        shown = data if self.is_raw else self._encoded(self._shown.feed(data))
        if shown:
            pass_on(shown)
            self._last = shown[-1:]

    def end_line(self) -> None:
        if rest := self._encoded(self._shown.end()):
            pass_on(rest)
            self._last = self._last if rest == PLAIN.encode() else rest[-1:]
        if self._last != b"\n":
            pass_on(b"\r\n" if sys.stdout.isatty() else b"\n")
            self._last = b"\n"

    def _encoded(self, text: str) -> bytes:
        return text.encode(sys.stdout.encoding or "utf-8", "replace")


class RunDisplay:
    """The display of a run on stdout."""

    def __init__(self) -> None:
        self._reader = RunbookReader()
        self._output = Output()
        self._counting = False

    @property
    def screen(self) -> Output:
        return self._output

    def begin(self, title: str, facts: Mapping[str, str], warnings: Sequence[str]) -> None:
        self._reader.line(title, style="bold")
        for name, value in facts.items():
            self._reader.line(f"  {name:<11} {value}")
        for warning in warnings:
            self._reader.line(f"! {warning}", style="bold yellow", folds=True)
        self._reader.write("\n")

    def read(self, blocks: Sequence[Block]) -> None:
        titles = [block for block in blocks if isinstance(block, Heading) and block.level == 1]
        self._reader.blocks(block for block in blocks if block not in titles)  # shown at the top

    def action(self, action: Action, values: Mapping[str, str]) -> None:
        if isinstance(action, ManualStep):
            self._reader.block(action)
            return
        self._output.is_raw = action.attributes.interactive and sys.stdout.isatty()
        self._reader.line(f"▸ {' · '.join([action.id, *describe_traits(action)])}", style="dim")
        self._reader.block(action, values)

    def attempt(self, n: int, of: int) -> None:
        if self._reader.plain:
            self._reader.line(f"· attempt {n} of {of}")
        else:
            self._reader.write(f"\r\x1b[K· attempt {n} of {of}")
            self._counting = True

    def ended(self, cell: Cell, result: CellResult, excerpt: str = "") -> None:
        self._clear_counter()
        if excerpt:
            self.text(excerpt)
        self._output.end_line()
        line = f"{MARKS[result.outcome]} {cell.id}  {describe_result(cell, result)}"
        self._reader.line(line, style=STYLES[result.outcome])
        for process in result.left:
            self._reader.line(f"! it left a process behind: {process}", style="yellow")
        self._reader.write("\n")

    def note(self, text: str, *, loud: bool = False) -> None:
        self._clear_counter()
        mark, style = ("!", "bold yellow") if loud else ("·", "dim")
        self._reader.line(f"{mark} {text}", style=style, folds=True)

    def text(self, text: str) -> None:
        shown = harmless(text)
        self._reader.write(shown if shown.endswith("\n") else f"{shown}\n")

    def closing(self, ending: str, seconds: float, transcript: Path | None, run: str) -> None:
        style = "bold green" if ending == "done" else "bold red"
        self._reader.line(f"{ending} after {span(seconds)}", style=style)
        if ending in ("failed", "stopped"):
            self._reader.line(f"  to resume   inv runbook.run --resume={run}")
        if transcript is not None:
            self._reader.line(f"  transcript  {where(transcript)}")
            self._reader.line(f"  to share    inv runbook.export --run={run} --html")

    def debug(self, text: str) -> None:
        """Show how a cell is started, with --debug."""
        tell(f"debug: {text}")

    def _clear_counter(self) -> None:
        if self._counting:
            self._reader.write("\r\x1b[K")
            self._counting = False


def describe_traits(cell: Cell) -> list[str]:
    """Return what is special about a cell before it runs."""
    attributes = cell.attributes
    timeout = attributes.timeout or 0.0
    traits = (
        ("check", cell.is_check),
        ("destroys", attributes.destructive),
        ("interactive", attributes.interactive),
        (f"at most {span(timeout)}", timeout),
        (f"up to {1 + attributes.retry} attempts", attributes.retry),
        (f"in {attributes.cwd}", attributes.cwd),
        (f"sets {attributes.capture}", attributes.capture),
        (f"only when {attributes.when}", attributes.when),
        ("shown only", attributes.skip),
    )
    return [text for text, applies in traits if applies]


def describe_result(cell: Cell, result: CellResult) -> str:
    """Return in a few words how a cell ended."""
    duration = span(result.seconds)
    match result.outcome:
        case "passed":
            return f"passed in {duration}" if result.seconds >= 0.1 else "passed"
        case "timed out":
            return f"timed out after {span(cell.attributes.timeout or result.seconds)}"
        case "interrupted":
            return f"interrupted after {duration}"
    if result.message:
        return result.message
    return f"ended with {result.code} after {duration}"
