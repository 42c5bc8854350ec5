"""The application: its parts put together, and what every failure looks like to a client."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from logbook import logs, settings
from logbook.database import Database
from logbook.middleware import Wrapper
from logbook.problems import Problem
from logbook.routes import accounts, entries, health, lab
from logbook.services.accounts import Accounts
from logbook.services.entries import Entries

SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
}

log = logging.getLogger(__name__)


def create() -> Starlette:
    """Build the application; it starts, and answers /up, without a database."""
    known = settings.load()
    logs.configure(known.log_level)
    draining = asyncio.Event()
    app = Starlette(
        routes=[
            *health.routes,
            *(health.shown if known.show_release else []),
            *accounts.routes,
            *entries.routes,
            *(lab.routes if known.lab else []),
        ],
        middleware=[Middleware(Wrapper, release=known.release, draining=draining)],
        exception_handlers={Problem: _problem, HTTPException: _http},
        lifespan=_lifespan,
    )
    app.state.settings = known
    app.state.draining = draining
    app.state.database = Database(known.database)
    app.router.redirect_slashes = False  # it would lead to whatever Host a request names
    app.state.accounts = Accounts(
        app.state.database, known.session_key, known.session_days, known.signups_per_hour
    )
    app.state.entries = Entries(app.state.database, app.state.accounts)
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    await app.state.database.open()
    log.info("ready for requests", extra={"fields": app.state.settings.release.as_json()})
    yield
    await app.state.database.close()
    app.state.accounts.close()


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for this class only
    return JSONResponse(error.as_json(), error.status, headers=error.headers)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    sentence = SENTENCES.get(error.status_code, error.detail)
    return JSONResponse({"error": sentence}, error.status_code, headers=error.headers)
