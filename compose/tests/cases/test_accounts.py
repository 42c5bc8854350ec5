"""Signing up, in and out."""

import httpx
import pytest

from .conftest import BASE_URL, PASSWORD


def test_an_account_signs_up_out_and_in_again(visitor: httpx.Client, email: str) -> None:
    form = {"email": email, "name": "Ada", "password": PASSWORD}
    signed_up = visitor.post("/api/signup", json=form)
    assert signed_up.status_code == 201
    assert signed_up.json() == {"email": email, "name": "Ada"}
    assert visitor.get("/api/me").json()["email"] == email

    assert visitor.post("/api/signout").status_code == 204
    assert visitor.get("/api/me").status_code == 401

    signed_in = visitor.post("/api/signin", json={"email": email.upper(), "password": PASSWORD})
    assert signed_in.status_code == 200
    assert visitor.get("/api/me").json()["name"] == "Ada"


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(
    visitor: httpx.Client, email: str
) -> None:
    answer = visitor.post("/api/signup", json={"email": email, "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert ("secure" in cookie) == (visitor.base_url.scheme == "https")


def test_a_session_that_was_signed_out_is_dead_wherever_it_was_copied(ada: httpx.Client) -> None:
    stolen = {"Cookie": f"session={ada.cookies['session']}"}
    ada.post("/api/signout")
    assert ada.get("/api/me", headers=stolen).status_code == 401


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    visitor: httpx.Client, email: str
) -> None:
    visitor.post("/api/signup", json={"email": email, "password": PASSWORD})
    visitor.post("/api/signout")
    wrong = visitor.post("/api/signin", json={"email": email, "password": "something else"})
    unknown = visitor.post("/api/signin", json={"email": f"no-{email}", "password": PASSWORD})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert visitor.get("/api/me").status_code == 401


def test_an_address_has_one_account(visitor: httpx.Client, email: str) -> None:
    form = {"email": email, "password": PASSWORD}
    assert visitor.post("/api/signup", json=form).status_code == 201
    again = visitor.post("/api/signup", json={**form, "email": email.title()})
    assert again.status_code == 409
    assert again.json()["field"] == "email"


def test_guessing_passwords_is_stopped(visitor: httpx.Client, email: str) -> None:
    visitor.post("/api/signup", json={"email": email, "password": PASSWORD})
    guesses = [
        visitor.post("/api/signin", json={"email": email, "password": f"guess number {number}"})
        for number in range(11)
    ]
    assert [guess.status_code for guess in guesses] == [401] * 10 + [429]
    assert int(guesses[-1].headers["retry-after"]) > 0
    right = visitor.post("/api/signin", json={"email": email, "password": PASSWORD})
    assert right.status_code == 429


def test_who_guesses_does_not_lock_the_person_out(visitor: httpx.Client, email: str) -> None:
    right = {"email": email, "password": PASSWORD}
    visitor.post("/api/signup", json=right)
    visitor.post("/api/signout")
    wrong = {"email": email, "password": "some other password"}
    with httpx.Client(base_url=BASE_URL, timeout=20) as thief:
        guesses = [thief.post("/api/signin", json=wrong).status_code for _ in range(11)]
        assert guesses == [401] * 10 + [429]
        assert thief.post("/api/signin", json=right).status_code == 429
    # From the same network, in the browser that has signed in before.
    assert visitor.post("/api/signin", json=right).status_code == 200


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"email": "nobody", "password": PASSWORD}, "email"),
        ({"email": "a@example.org", "password": "short"}, "password"),
        ({"email": "a@example.org"}, "password"),
        ({"email": ["a@example.org"], "password": PASSWORD}, "email"),
        ({"email": "a@example.org", "password": PASSWORD, "name": "x" * 61}, "name"),
    ],
)
def test_a_bad_form_is_refused_with_a_sentence_and_its_field(
    visitor: httpx.Client, form: dict[str, object], field: str
) -> None:
    answer = visitor.post("/api/signup", json=form)
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert answer.json()["error"].endswith(".")
