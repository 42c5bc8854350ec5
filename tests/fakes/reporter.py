"""A report that keeps what it was told."""


class RecordingReporter:
    """A report that keeps what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.seen: list[tuple[str, int, int]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, what: str, done: int, total: int) -> None:
        self.seen.append((what, done, total))
