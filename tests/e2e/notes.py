"""A person who uses the example of somebody else's project, `examples/notes-node`."""

from typing import Any

import httpx


class Writer:
    """Writes notes at one edge, and reads them at any."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=60)

    def write(self, text: str) -> int:
        answer = self._client.post("/api/notes", json={"text": text})
        return int(self._expect(answer, 201)["id"])

    def attach(self, note: int, name: str, content: bytes) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        path = f"/api/notes/{note}/attachment"
        answer = self._client.put(path, params={"name": name}, content=content, headers=headers)
        assert self._expect(answer, 200)["attachment"] == {"name": name, "size": len(content)}

    def remove(self, note: int) -> None:
        assert self._client.delete(f"/api/notes/{note}").status_code == 204

    def _expect(self, answer: httpx.Response, status: int) -> dict[str, Any]:
        assert answer.status_code == status, f"{answer.request.url}: {answer.text}"
        found: dict[str, Any] = answer.json()
        return found


def page(url: str) -> str:
    return httpx.get(url, timeout=60).raise_for_status().text


def note(url: str, number: int) -> dict[str, Any] | None:
    """Return a note, or None where there is none."""
    answer = httpx.get(f"{url}/api/notes/{number}", timeout=60)
    if answer.status_code == 404:
        return None
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def attachment(url: str, number: int) -> bytes:
    return httpx.get(f"{url}/api/notes/{number}/attachment", timeout=60).raise_for_status().content


def words(url: str, number: int) -> int | None:
    """Return how many words a note has, once they are counted."""
    found = note(url, number)
    return found["words"] if found else None
