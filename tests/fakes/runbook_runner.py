"""A runbook that is run by another process with nobody at a terminal, and what came of it."""

from pathlib import Path
from typing import Any

from slipway.notebook.records.event import Event
from slipway.notebook.records.record import read
from tests.fakes.fork_server import ForkServer

TOKEN = "t0k-en:of+the/team"  # in the environment of every run


class RunbookRunner:
    """A runbook, its runs and a diary in which its cells write."""

    def __init__(self, folder: Path, runbook_server: "RunbookServer", text: str) -> None:
        folder.mkdir(exist_ok=True)
        self.path = folder / "greet.md"
        self.path.write_text(text)
        self.runs = folder / "runs"
        self.diary = folder / "diary"
        self.output = ""
        self._server = runbook_server
        self._assignments = ["who=Anna", f"diary={self.diary}"] if "DIARY" in text else []

    def run(self, **request: Any) -> int:
        output = self.path.with_name("output")
        defaults = {
            "name": str(self.path),
            "runs": str(self.runs),
            "set": [] if "resume" in request else self._assignments,
            "output": str(output),
        }
        code = self._server.run(defaults | request)
        self.output = output.read_text()
        assert "Traceback" not in self.output
        return code

    @property
    def lines(self) -> list[str]:
        return self.diary.read_text().split() if self.diary.exists() else []

    @property
    def folder(self) -> Path:
        (folder,) = (path for path in self.runs.iterdir() if path.is_dir())
        return folder

    def events(self, *kinds: str) -> list[Event]:
        return [event for event in read(self.folder) if not kinds or event.kind in kinds]


class RunbookServer(ForkServer):
    """A process that does runs, with nobody at a terminal or at one of its own."""

    def __init__(self) -> None:
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "CI": "true", "DEPLOY_TOKEN": TOKEN}
        super().__init__("tests.fakes.run_driver", env)
