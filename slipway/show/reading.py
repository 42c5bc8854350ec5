"""A runbook as it is read: prose, warnings, boxes to tick and shell, in colour on a terminal.

Anywhere else it stays the Markdown that it is.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from slipway.notebook.document import (
    Alert,
    Block,
    Cell,
    Heading,
    ManualStep,
    Prose,
    Runbook,
    Sample,
)
from slipway.notebook.reading import typed
from slipway.notebook.transcripts.ansi import visible

if TYPE_CHECKING:
    from rich.console import Console

COLOURS = {"warning": "yellow", "caution": "red", "important": "magenta", "tip": "green"}
FENCE = "```"


def show(runbook: Runbook) -> None:
    """Print a whole runbook, without its front matter."""
    RunbookReader().blocks(runbook.blocks)


def is_plain(stream: TextIO) -> bool:
    """Whether a stream is no terminal that can place or colour text."""
    return not stream.isatty() or os.environ.get("TERM", "dumb") in ("dumb", "")


class RunbookReader:
    """Draws blocks on stdout; `write` is its only way out."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self.plain = is_plain(self._stream)

    def blocks(self, blocks: Iterable[Block]) -> None:
        """Draw blocks one below the other, a line apart."""
        for block in blocks:
            self.block(block)

    def block(self, block: Block, values: Mapping[str, str] | None = None) -> None:
        """Draw one block; a cell's parameters with their values below it."""
        block = _sanitize(block)
        if self.plain:
            self.write(f"{_markdown(block)}\n\n")
        else:
            self._render(block)
        for name, value in (values or {}).items():
            self.line(f"  {name}={value}", style="dim")
        if values:
            self.write("\n")

    def line(self, text: str, style: str = "", *, folds: bool = False) -> None:
        """Draw one line in a style, or in none where there are none.

        One that `folds` is broken between words; the others are left to the terminal, so that a
        command can be copied from them.
        """
        text = visible(text)
        if self.plain or not style:
            self.write(f"{text}\n")
        else:
            console = self.console()
            console.print(text, style=style, markup=False, highlight=False, soft_wrap=not folds)

    def write(self, text: str) -> None:
        """Write text as it is; a letter that the terminal does not know is no failure."""
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, "replace").decode(encoding, "replace"))
        self._stream.flush()

    def console(self) -> "Console":
        """Return rich's console, a new one each time: the terminal may have been resized."""
        from rich.console import Console
        from rich.theme import Theme

        return Console(file=self._stream, theme=Theme({"markdown.code": "bold cyan"}))

    def _render(self, block: Block) -> None:
        from rich.markdown import Markdown
        from rich.text import Text

        console = self.console()
        match block:
            case Heading(level=level, text=text):
                style = "bold cyan" if level <= 2 else "bold"
                console.print(Text(text, style=style))
            case Alert():
                console.print(_panel(block))
            case Cell(language=language):
                lexer = "bash" if language == "sh" else language
                _print_code(console, typed.lines_as_shown(block), lexer)
            case Sample(text=text, language=language):
                lines = text.rstrip("\n").split("\n")
                _print_code(console, ((line, False) for line in lines), language)
            case ManualStep(text=text):
                console.print(Markdown(f"☐ {text}", hyperlinks=False))
            case Prose(text=text):
                console.print(Markdown(text, hyperlinks=False))
        console.print()


def _sanitize(block: Block) -> Block:
    """Return a block in which nothing but what it says reaches the terminal."""
    match block:
        case Cell(source=source, written=written):
            return replace(block, source=visible(source), written=visible(written))
        case Sample(text=text, language=language):
            return replace(block, text=visible(text), language=visible(language))
        case _:
            return replace(block, text=visible(block.text))


def _panel(alert: Alert) -> object:
    from rich.markdown import Markdown
    from rich.panel import Panel

    colour = COLOURS.get(alert.kind, "blue")
    title = alert.kind.upper()
    text = Markdown(alert.text, hyperlinks=False)
    return Panel(text, title=title, title_align="left", border_style=colour)


def _print_code(console: "Console", lines: Iterable[tuple[str, bool]], language: str) -> None:
    """Draw code, dim where it does not run.

    The terminal breaks what is too long, so that a copy of it stays one line.
    """
    from rich.syntax import Syntax
    from rich.text import Text

    shown = list(lines)
    syntax = Syntax("", language, theme="ansi_dark", background_color="default")
    code = syntax.highlight("\n".join(line if runs else "" for line, runs in shown))
    code.rstrip()
    coloured = iter(code.split("\n"))
    for line, runs in shown:
        drawn = next(coloured, Text(""))
        console.print(Text("    ") + (drawn if runs else Text(line, style="dim")), soft_wrap=True)


def _markdown(block: Block) -> str:
    match block:
        case Heading(level=level, text=text):
            return f"{'#' * level} {text}"
        case Alert(kind=kind, text=text):
            return "\n".join(f"> {line}".rstrip() for line in f"{kind.upper()}\n{text}".split("\n"))
        case Cell(source=source, language=language, written=written):
            text = written or source
            return f"{_fence(text)}{language}\n{text.rstrip()}\n{_fence(text)}"
        case Sample(text=text, language=language):
            return f"{_fence(text)}{language}\n{text.rstrip()}\n{_fence(text)}"
        case ManualStep(text=text):
            return f"- [ ] {text}"
        case Prose(text=text):
            return text.strip("\n")


def _fence(text: str) -> str:
    """Return a fence that the text does not close."""
    fence = FENCE
    while fence in text:
        fence += "`"
    return fence
