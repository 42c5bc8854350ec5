"""A reporter that records what was reported."""


class RecordingReporter:
    """Keeps sentences, progress, and the events of steps."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.seen: list[tuple[str, int, int]] = []
        self.events: list[tuple[str, str]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.events.append(("note", text))

    def progress(self, label: str, current: int, total: int) -> None:
        self.seen.append((label, current, total))

    def started(self, step: str, describe: str) -> None:
        self.events.append(("started", step))

    def finished(self, step: str, result: str) -> None:
        self.events.append(("finished", step))

    def failed(self, step: str, *, interrupted: bool) -> None:
        self.events.append(("failed", step))

    def undone(self, step: str) -> None:
        self.events.append(("undone", step))
