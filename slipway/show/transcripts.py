"""What a run did, on the terminal: drawn for a person, Markdown as it is for a program."""

import sys
from pathlib import Path

from slipway.notebook.transcripts import export
from slipway.show import reading
from slipway.show.writer import harmless, pass_on, say


def show(folder: Path) -> None:
    """Print the transcript of a run."""
    text = harmless(export.make(folder, html=False))
    if reading.is_plain(sys.stdout):
        pass_on(text.encode())
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text, hyperlinks=False))


def export_to(folder: Path, to: str, *, html: bool) -> None:
    """Write the transcript of a run to a file, or to stdout for `-`, and say where it is."""
    html = html or to.endswith((".html", ".htm"))
    if to == export.STDOUT:
        pass_on(export.make(folder, html=html).encode())
        return
    path = export.target(folder.name, to, html=html)
    export.write(path, export.make(folder, html=html))
    say(f"{path} is the transcript of {folder.name}")
