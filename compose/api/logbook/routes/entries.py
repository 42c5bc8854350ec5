"""Routes of the logbook: list, create, read, update, delete."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from logbook import forms
from logbook.problems import Problem
from logbook.routes.accounts import token_of
from logbook.services.entries import Entries


async def index(request: Request) -> Response:
    before, limit = forms.read_page(request)
    return JSONResponse(await _entries(request).page(token_of(request), before, limit))


async def create(request: Request) -> Response:
    entry = await _entries(request).create(token_of(request), await forms.read_draft(request))
    return JSONResponse(entry, 201, headers={"Location": f"/api/entries/{entry['id']}"})


async def read(request: Request) -> Response:
    return JSONResponse(await _entries(request).read(token_of(request), _identity(request)))


async def update(request: Request) -> Response:
    draft = await forms.read_draft(request)
    entry = await _entries(request).update(token_of(request), _identity(request), draft)
    return JSONResponse(entry)


async def delete(request: Request) -> Response:
    await _entries(request).delete(token_of(request), _identity(request))
    return Response(status_code=204)


def _entries(request: Request) -> Entries:
    entries: Entries = request.app.state.entries
    return entries


def _identity(request: Request) -> int:
    identity = forms.whole(request.path_params["identity"])
    if identity is None:
        raise Problem(404, "There is no such entry in your logbook.")
    return identity


routes = [
    Route("/api/entries", index, methods=["GET"]),
    Route("/api/entries", create, methods=["POST"]),
    Route("/api/entries/{identity}", read, methods=["GET"]),
    Route("/api/entries/{identity}", update, methods=["PUT"]),
    Route("/api/entries/{identity}", delete, methods=["DELETE"]),
]
