"""What people may send: reads the JSON body of a request and says in one sentence what is wrong."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request

from logbook.problems import Problem

BODY_BYTES = 128 * 1024
BODY_SECONDS = 30
EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f.]+(\.[^@\s\x00-\x1f.]+)*")
EMAIL_LENGTH = 254
NAME_LENGTH = 60
PASSWORD_LENGTH = range(10, 201)
TITLE_LENGTH = 200
TEXT_LENGTH = 20_000
PAGE = range(1, 101)
LARGEST_ID = 2**63 - 1
# Python reads other digits too, and 4,300 of them at most.
WHOLE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Signup:
    email: str
    name: str
    password: str


@dataclass(frozen=True)
class Signin:
    email: str
    password: str


@dataclass(frozen=True)
class Draft:
    """A title and a text, checked."""

    title: str
    text: str


async def read_signup(request: Request) -> Signup:
    fields = await _fields(request)
    email = _email(fields)
    name = _line(fields, "name", NAME_LENGTH, missing=email.partition("@")[0])
    password = _string(fields, "password")
    if len(password) not in PASSWORD_LENGTH:
        raise Problem(
            422,
            f"The password needs {PASSWORD_LENGTH.start} to {PASSWORD_LENGTH.stop - 1} characters.",
            field="password",
        )
    return Signup(email, name, password)


async def read_signin(request: Request) -> Signin:
    fields = await _fields(request)
    password = _string(fields, "password")[: PASSWORD_LENGTH.stop]
    return Signin(_email(fields), password)


async def read_draft(request: Request) -> Draft:
    fields = await _fields(request)
    title = _line(fields, "title", TITLE_LENGTH)
    text = _string(fields, "text", missing="")
    if len(text) > TEXT_LENGTH:
        raise Problem(422, f"The text may have at most {TEXT_LENGTH} characters.", field="text")
    return Draft(title, text)


def read_page(request: Request) -> tuple[int | None, int]:
    """Return `before` and `limit` of a list."""
    given = request.query_params.get("before")
    before = None if given is None else whole(given)
    if given is not None and before is None:
        raise Problem(422, "`before` must be the id of an entry.", field="before")
    limit = whole(request.query_params.get("limit", "20"))
    if limit is None or limit not in PAGE:
        raise Problem(422, f"`limit` must be {PAGE.start} to {PAGE.stop - 1}.", field="limit")
    return before, limit


def whole(text: str) -> int | None:
    """Read a number that an id can be, written as we write it; None for any other text."""
    number = int(text) if WHOLE.fullmatch(text) else LARGEST_ID + 1
    return number if number <= LARGEST_ID else None


async def read_bytes(request: Request, most: int = BODY_BYTES) -> bytes:
    """Return the body, refusing one that is too large before it is in memory."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise Problem(413, f"The request may have at most {most} bytes.")
    except TimeoutError as error:
        raise Problem(408, f"The body took longer than {BODY_SECONDS} seconds.") from error
    except ClientDisconnect as error:
        raise Problem(400, "The request ended before its body was complete.") from error
    return bytes(body)


async def _fields(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # a form on another site cannot send this type unasked
        raise Problem(415, "Send JSON, with the content type application/json.")
    try:
        fields = json.loads(await read_bytes(request))
    except (ValueError, RecursionError) as error:
        raise Problem(400, "The body is not valid JSON.") from error
    if not isinstance(fields, dict):
        raise Problem(400, "The body must be a JSON object.")
    return fields


def _string(fields: dict[str, Any], name: str, missing: str | None = None) -> str:
    value = fields.get(name, missing)
    if not isinstance(value, str):
        raise Problem(422, f"The field {name} is missing or is not text.", field=name)
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Problem(422, f"The field {name} holds characters that cannot be stored.", field=name)
    return value


def _line(fields: dict[str, Any], name: str, most: int, missing: str | None = None) -> str:
    value = " ".join(_string(fields, name, missing).split()) or missing or ""
    if not 0 < len(value) <= most:
        raise Problem(422, f"The {name} needs 1 to {most} characters.", field=name)
    return value


def _email(fields: dict[str, Any]) -> str:
    value = _string(fields, "email").strip().lower()
    if len(value) > EMAIL_LENGTH or not EMAIL.fullmatch(value):
        raise Problem(422, "This does not look like an e-mail address.", field="email")
    return value
