"""A session of cells for tests: each is run by its text alone, on a screen that remembers."""

from collections.abc import Callable
from pathlib import Path

from slipway.notebook.cells.mask import Mask
from slipway.notebook.cells.result import CellResult
from slipway.notebook.cells.session import CellSession
from slipway.notebook.document import Attributes, Cell, Language

SECRET = "hunter2-and-more"


class Page:
    """A screen that remembers, and does something once it has seen a word."""

    def __init__(self, word: bytes = b"", then: Callable[[], None] = lambda: None) -> None:
        self.seen = b""
        self._word, self._then = word, then

    def write(self, data: bytes) -> None:
        self.seen += data
        if self._word and self._word in self.seen:
            self._word = b""
            self._then()


class Deaf(Page):
    """A screen that forgets."""

    def write(self, data: bytes) -> None:
        pass


class Run:
    """A session with its folder, cells run by their text alone."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder, self.n = folder, 0
        self.root = folder / "project"
        (self.root / "runbooks").mkdir(parents=True, exist_ok=True)
        (self.root / "runbooks" / "deploy.md").touch()
        for inner in ("cells", "state"):
            (folder / inner).mkdir(exist_ok=True)
        variables = {"RUNBOOK": "deploy", **variables}
        self.said: list[str] = []
        self.session = CellSession(
            folder, variables, Mask([SECRET]), root=self.root, debug=self.said.append
        )
        self.page = Page()

    def __call__(
        self,
        source: str,
        attributes: Attributes = Attributes(),  # noqa: B008  frozen
        *,
        line: int = 1,
        language: Language = "sh",
        page: Page | None = None,
    ) -> CellResult:
        self.n += 1
        self.page = page or Page()
        cell = Cell(line, "steps", "the-cell", "The cell", language, source, attributes)
        return self.session.run(cell, self.n, self.page)

    def printed(self, source: str, language: Language = "sh") -> str:
        """Run what has to pass, return what it printed."""
        result = self(source, language=language)
        assert result.passed, self.page.seen
        return self.page.seen.decode()

    def again(self) -> "Run":
        """The same run after its process has died, the last state taken up."""
        run = Run(self.folder)
        run.n = self.n
        run.session.load(self.n)
        return run
