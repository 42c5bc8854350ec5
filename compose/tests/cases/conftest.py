"""People for the tests: each test's accounts are its own, so that runs never meet.

BASE_URL        where the stack answers, `http://edge:8080` unless told
EXPECT_RELEASE  when set, the release that every answer must name
ROUTES_KEY      what shows that release to us where strangers do not see it
SHOW_RELEASE    on where everybody may see it; so does LAB
"""

import os
import uuid
from collections.abc import Callable, Iterator

import httpx
import pytest

BASE_URL = os.environ.get("BASE_URL") or "http://edge:8080"
PASSWORD = "correct horse battery"
IS_SHOWN = "on" in (os.environ.get("SHOW_RELEASE"), os.environ.get("LAB"))
KEY = {"X-Routes": os.environ.get("ROUTES_KEY") or "none"}

Person = httpx.Client


@pytest.fixture
def visitor() -> Iterator[httpx.Client]:
    """Somebody without an account."""
    with httpx.Client(base_url=BASE_URL, timeout=20) as client:
        yield client


@pytest.fixture
def email() -> str:
    return f"test-{uuid.uuid4().hex}@example.org"


@pytest.fixture
def sign_up() -> Iterator[Callable[..., Person]]:
    """Makes people who are signed in; each has cookies of their own."""
    people: list[httpx.Client] = []

    def new_person(name: str = "Ada") -> Person:
        person = httpx.Client(base_url=BASE_URL, timeout=20)
        people.append(person)
        form = {
            "email": f"test-{uuid.uuid4().hex}@example.org",
            "name": name,
            "password": PASSWORD,
        }
        assert person.post("/api/signup", json=form).status_code == 201
        return person

    yield new_person
    for person in people:
        person.close()


@pytest.fixture
def ada(sign_up: Callable[..., Person]) -> Person:
    return sign_up("Ada")
