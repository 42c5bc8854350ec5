"""A runbook on a terminal: links can be read, and nothing in it can work the terminal."""

import io
from pathlib import Path

import pytest

from slipway.notebook.reading import parse
from slipway.show.reading import RunbookReader

LINKED = """\
# T

- [ ] Tell [status page](https://status.example.org)

> [!NOTE]
> See [the list](https://list.example.org).
"""
HOSTILE = """\
# T \x1b[2J

Prose \x1b]0;title\x07 \x9b31m

> [!NOTE]
> Alert \x1b[2J

- [ ] Step \x1b[2J

```text\x1b[2J
Sample \x1b[2J
```

```sh
echo '\x1b[2J'
```
"""


class Terminal(io.StringIO):
    """Keeps what a terminal would be told."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")


def drawn(text: str, stream: io.StringIO) -> str:
    runbook, _ = parse.parse(text, Path("t.md"))
    reader = RunbookReader(stream)
    reader.blocks(runbook.blocks)
    reader.line(runbook.title, style="bold")
    return stream.getvalue()


def test_the_address_of_a_link_can_be_read_in_a_step_and_in_an_alert() -> None:
    shown = drawn(LINKED, Terminal())
    assert "\x1b]8;" not in shown
    assert "https://status.example.org" in shown
    assert "https://list.example.org" in shown


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "file"])
def test_control_characters_of_a_runbook_are_shown_and_do_nothing(stream: io.StringIO) -> None:
    shown = drawn(HOSTILE, stream)
    for gone in ("\x1b[2J", "\x1b]0;", "\x07", "\x9b"):
        assert gone not in shown
    assert shown.count("␛[2J") >= 5
