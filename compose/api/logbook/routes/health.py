"""Routes a deploy asks: does the process live, may it be given requests, which release is it."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from logbook import queries
from logbook.database import Unmade
from logbook.problems import Problem


async def up(request: Request) -> Response:
    return JSONResponse({"up": True})


async def ready(request: Request) -> Response:
    reason = await _why_not(request)
    if reason:
        return JSONResponse({"ready": False, "reason": reason}, 503)
    return JSONResponse({"ready": True})


async def version(request: Request) -> Response:
    return JSONResponse(request.app.state.settings.release.as_json())


async def _why_not(request: Request) -> str:
    state = request.app.state
    if state.draining.is_set():
        return "the process is about to end"
    try:
        head = await state.database.transaction(queries.migration_head)
    except Unmade:
        head = ""
    except Problem as problem:
        return problem.sentence
    wanted = state.settings.migration_head
    if wanted and head < wanted:
        return f"the database is at migration {head or 'none'}; this release needs {wanted}"
    return ""


routes = [
    Route("/up", up),
    Route("/ready", ready),
    Route("/version", version),
]
shown = [Route("/api/version", version)]  # to everybody, where a setting says so
