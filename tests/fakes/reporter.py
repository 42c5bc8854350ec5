"""A reporter that records what was reported."""

from slipway.progress import Lane


class RecordingReporter:
    """Keeps sentences, progress, and the events of steps."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.seen: list[tuple[str, int, int]] = []
        self.lanes: list[Lane] = []
        self.events: list[tuple[str, str]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.events.append(("note", text))

    def progress(self, label: str, current: int, total: int) -> None:
        self.seen.append((label, current, total))

    def lane(self, lane: Lane) -> None:
        self.lanes.append(lane)

    def started(self, step: str, describe: str, usual: float = 0.0) -> None:
        self.events.append(("started", step))

    def finished(self, step: str, result: str) -> None:
        self.events.append(("finished", step))

    def failed(self, step: str, *, interrupted: bool) -> None:
        self.events.append(("failed", step))

    def undone(self, step: str) -> None:
        self.events.append(("undone", step))
