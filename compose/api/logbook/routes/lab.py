"""Routes that only tests need: an echo, a slow answer, a stream; served only with LAB=on."""

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from logbook import forms
from logbook.problems import Problem

ECHO_BYTES = 16 * 1024
LONGEST_WAIT = 60.0
HEARTBEAT = 1.0


async def echo(request: Request) -> Response:
    body = await forms.read_bytes(request, ECHO_BYTES)
    kind = request.headers.get("content-type", "application/octet-stream")
    return Response(body, media_type=kind)


async def wait(request: Request) -> Response:
    try:
        seconds = float(request.query_params.get("seconds", "1"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT:
        raise Problem(422, f"`seconds` must be 0 to {LONGEST_WAIT:.0f}.", field="seconds")
    await asyncio.sleep(seconds)
    return JSONResponse(request.app.state.settings.release.as_json())


async def events(request: Request) -> Response:
    """Tell the release once a second; the stream ends by itself when the process drains."""
    draining: asyncio.Event = request.app.state.draining
    line = json.dumps(request.app.state.settings.release.as_json())

    async def beats() -> AsyncIterator[str]:
        number = 0
        while not draining.is_set():
            number += 1
            yield f"id: {number}\nevent: heartbeat\ndata: {line}\n\n"
            try:
                await asyncio.wait_for(draining.wait(), HEARTBEAT)
            except TimeoutError:
                continue
        yield "event: bye\ndata: {}\n\n"

    return StreamingResponse(
        beats(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


routes = [
    Route("/api/echo", echo, methods=["POST"]),
    Route("/api/wait", wait, methods=["GET"]),
    Route("/api/events", events, methods=["GET"]),
]
