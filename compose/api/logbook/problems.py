"""Failures a client can act on: an HTTP status and one sentence for a person."""


class Problem(Exception):
    """Ends a request with `{"error": sentence}`; `field` names the input that is to blame."""

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        field: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.field = field
        self.headers = headers or {}

    def as_json(self) -> dict[str, str]:
        return {"error": self.sentence, **({"field": self.field} if self.field else {})}
