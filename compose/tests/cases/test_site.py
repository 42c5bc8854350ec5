"""The page, and what every answer carries."""

import os
import re

import httpx
import pytest

from .conftest import BASE_URL, IS_SHOWN, KEY


def test_the_page_and_everything_it_names_is_served(visitor: httpx.Client) -> None:
    page = visitor.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "<title>Logbook</title>" in page.text
    named = re.findall(r'(?:src|href)="(/[^"#]+)"', page.text)
    assert named
    for address in named:
        assert visitor.get(address).status_code == 200, address


def test_the_page_asks_no_other_site(visitor: httpx.Client) -> None:
    policy = visitor.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_files_are_asked_for_again_but_sent_once(visitor: httpx.Client) -> None:
    for address in ("/", "/app.js", "/style.css"):
        first = visitor.get(address)
        assert first.headers["cache-control"] == "no-cache"
        again = visitor.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304


@pytest.mark.parametrize(
    ("address", "status"),
    [("/", 200), ("/nothing", 404), ("/api/me", 401), ("/api/nothing", 404), ("/version", 404)],
)
def test_every_answer_keeps_a_browser_careful_and_names_no_program(
    visitor: httpx.Client, address: str, status: int
) -> None:
    answer = visitor.get(address)
    assert answer.status_code == status
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert "'none'" in headers["content-security-policy"].partition("frame-ancestors")[2]
    assert not {"server", "via", "x-powered-by"} & headers.keys()
    assert ("strict-transport-security" in headers) == (visitor.base_url.scheme == "https")


@pytest.mark.parametrize("address", ["/", "/api/me"])
def test_the_id_of_a_request_comes_back(visitor: httpx.Client, address: str) -> None:
    given = visitor.get(address, headers={"X-Request-Id": "harbour-42"})
    assert given.headers["x-request-id"] == "harbour-42"
    made = visitor.get(address, headers={"X-Request-Id": "not allowed; {}"})
    assert re.fullmatch(r"[0-9a-f-]{32,36}", made.headers["x-request-id"])


@pytest.mark.parametrize("address", ["/", "/api/me"])
def test_which_release_answers_is_seen_by_those_who_may(
    visitor: httpx.Client, address: str
) -> None:
    known = visitor.get(address, headers=KEY).headers
    if expected := os.environ.get("EXPECT_RELEASE"):
        assert known["x-release"] == expected
        assert known["x-colour"] in ("blue", "green")
    stranger = visitor.get(address).headers
    assert {"x-release", "x-colour"} <= stranger.keys() or not IS_SHOWN
    assert not {"x-release", "x-colour"} & stranger.keys() or IS_SHOWN


def test_the_version_says_which_release_answers_where_everybody_may_know(
    visitor: httpx.Client,
) -> None:
    answer = visitor.get("/api/version")
    if not IS_SHOWN:
        assert answer.status_code == 404
        return
    version = answer.json()
    assert set(version) == {"service", "commit", "release", "colour"}
    assert answer.headers["x-release"] == version["release"]
    assert answer.headers["x-colour"] == version["colour"]
    assert visitor.get("/").headers["x-release"] == version["release"]
    if expected := os.environ.get("EXPECT_RELEASE"):
        assert version["release"] == expected


def test_an_address_that_is_not_there_says_so_in_json(visitor: httpx.Client) -> None:
    answer = visitor.get("/api/nothing")
    assert answer.status_code == 404
    assert answer.json() == {"error": "There is nothing at this address."}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ],
)
def test_another_site_cannot_act_for_a_person(ada: httpx.Client, headers: dict[str, str]) -> None:
    answer = ada.post("/api/entries", json={"title": "x", "text": ""}, headers=headers)
    assert answer.status_code == 403


def test_the_page_itself_can_act(ada: httpx.Client) -> None:
    own = {"Origin": BASE_URL, "Sec-Fetch-Site": "same-origin"}
    answer = ada.post("/api/entries", json={"title": "x", "text": ""}, headers=own)
    assert answer.status_code == 201


def test_a_form_of_another_site_cannot_pass_as_json(ada: httpx.Client) -> None:
    body = '{"title": "x", "text": ""}'
    answer = ada.post("/api/entries", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
