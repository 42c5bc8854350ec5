"""Keeping a logbook: one's own entries, and nobody else's."""

import time
from collections.abc import Callable

import httpx
import pytest

Person = httpx.Client
WELCOME_SECONDS = 30


def _write(person: Person, title: str, text: str = "") -> dict[str, object]:
    answer = person.post("/api/entries", json={"title": title, "text": text})
    assert answer.status_code == 201, answer.text
    entry: dict[str, object] = answer.json()
    return entry


def test_an_entry_is_written_read_changed_and_deleted(ada: Person) -> None:
    entry = _write(ada, "Launch", "It floats.")
    address = f"/api/entries/{entry['id']}"
    assert ada.get(address).json() == entry

    changed = ada.put(address, json={"title": "Launch", "text": "It sails."})
    assert changed.json()["text"] == "It sails."
    assert ada.get(address).json()["text"] == "It sails."

    assert ada.delete(address).status_code == 204
    assert ada.get(address).status_code == 404
    assert ada.delete(address).status_code == 404


def test_the_list_is_newest_first_and_comes_in_pages(ada: Person) -> None:
    written = [_write(ada, f"Day {number}")["id"] for number in range(5)]
    seen: list[object] = []
    before = ""
    while True:
        page = ada.get(f"/api/entries?limit=2{before}").json()
        assert len(page["entries"]) <= 2
        seen += [entry["id"] for entry in page["entries"] if entry["id"] in written]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert seen == written[::-1]


def test_nobody_reaches_the_entries_of_somebody_else(
    ada: Person, sign_up: Callable[..., Person]
) -> None:
    grace = sign_up("Grace")
    address = f"/api/entries/{_write(ada, 'Mine')['id']}"
    stolen = {"title": "Yours", "text": ""}
    assert grace.get(address).status_code == 404
    assert grace.put(address, json=stolen).status_code == 404
    assert grace.delete(address).status_code == 404
    assert "Mine" not in grace.get("/api/entries").text
    assert ada.get(address).json()["title"] == "Mine"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_logbook_is_closed_to_those_who_are_not_signed_in(
    visitor: httpx.Client, method: str
) -> None:
    answer = visitor.request(method, "/api/entries", json={"title": "x", "text": ""})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE entries; --",
        "' OR '1'='1",
        "%(account)s %s $1 {0}",
        "<script>alert(1)</script>",
        "Zażółć gęślą jaźń 🚢 \u202e \r\n\t end",
    ],
)
def test_whatever_is_written_stays_text(ada: Person, text: str) -> None:
    entry = _write(ada, "Odd", text)
    assert ada.get(f"/api/entries/{entry['id']}").json()["text"] == text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"title": "", "text": ""}, 422),
        ({"title": "   ", "text": ""}, 422),
        ({"title": "x" * 201, "text": ""}, 422),
        ({"title": "x", "text": "x" * 20_001}, 422),
        ({"title": "x", "text": "a\x00b"}, 422),
        ({"title": "x", "text": 7}, 422),
        (["title"], 400),
        ({"title": "x", "text": "x" * 200_000}, 413),
    ],
)
def test_a_bad_entry_is_refused_with_a_sentence(ada: Person, fields: object, status: int) -> None:
    answer = ada.post("/api/entries", json=fields)
    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize(
    "query", [f"limit={'0' * 21}5000000", f"limit={'9' * 4400}", "limit=٣", f"before={'1' * 4400}"]
)
def test_a_number_is_judged_whole(ada: Person, query: str) -> None:
    answer = ada.get(f"/api/entries?{query}")
    assert answer.status_code == 422
    assert answer.json()["field"] == query.partition("=")[0]


@pytest.mark.parametrize("identity", ["0", "-1", "abc", "9" * 30, "9" * 4400, "1 OR 1=1", "٣"])
def test_an_id_that_cannot_be_is_not_found(ada: Person, identity: str) -> None:
    assert ada.get(f"/api/entries/{identity}").status_code == 404


def test_the_worker_writes_the_first_entry(sign_up: Callable[..., Person]) -> None:
    person = sign_up("Hedy")
    deadline = time.monotonic() + WELCOME_SECONDS
    entries = person.get("/api/entries").json()["entries"]
    while not entries and time.monotonic() < deadline:
        time.sleep(0.25)
        entries = person.get("/api/entries").json()["entries"]
    assert [entry["title"] for entry in entries] == ["Welcome to your logbook"]
    assert "Hedy" in entries[0]["text"]
