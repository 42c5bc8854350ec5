"""A person who uses the sample site through the edge."""

import uuid
from typing import Any

import httpx

PASSWORD = "correct horse battery"


class Visitor:
    """One browser session: signs up, signs in, writes into the logbook."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=20)
        self.email = f"{uuid.uuid4().hex[:12]}@example.org"

    def sign_up(self, name: str = "Ada") -> None:
        form = {"name": name, "email": self.email, "password": PASSWORD}
        self._expect(self._client.post("/api/signup", json=form), 201)

    def sign_in(self) -> None:
        """Begin a new session, as on another computer."""
        self._client.cookies.clear()
        form = {"email": self.email, "password": PASSWORD}
        self._expect(self._client.post("/api/signin", json=form), 200)

    def write(self, title: str, text: str) -> int:
        answer = self._expect(
            self._client.post("/api/entries", json={"title": title, "text": text}), 201
        )
        return int(answer["id"])

    def read(self, entry: int) -> str:
        return str(self._expect(self._client.get(f"/api/entries/{entry}"), 200)["text"])

    def status_of(self, entry: int) -> int:
        """Return what the answer to reading an entry is, whatever it is."""
        return self._client.get(f"/api/entries/{entry}").status_code

    def at(self, url: str) -> "Visitor":
        """Return the same person at another edge, with the same session."""
        other = Visitor(url)
        other.email = self.email
        for name, value in self._client.cookies.items():
            other._client.cookies.set(name, value)
        return other

    def _expect(self, answer: httpx.Response, status: int) -> dict[str, Any]:
        assert answer.status_code == status, f"{answer.request.url}: {answer.text}"
        found: dict[str, Any] = answer.json()
        return found
