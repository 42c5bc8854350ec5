"""Routes of accounts: sign up, sign in, sign out, who am I."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from logbook import forms
from logbook.queries import Row
from logbook.services.accounts import Accounts

COOKIE = "session"
DAY = 24 * 60 * 60


def token_of(request: Request) -> str:
    """Return the session's token, or nothing."""
    return request.cookies.get(COOKIE, "")


async def sign_up(request: Request) -> Response:
    account, token = await _accounts(request).sign_up(await forms.read_signup(request))
    return _signed_in(request, account, token, status=201)


async def sign_in(request: Request) -> Response:
    form = await forms.read_signin(request)
    account, token = await _accounts(request).sign_in(form, _client_address(request))
    return _signed_in(request, account, token, status=200)


async def sign_out(request: Request) -> Response:
    if token := token_of(request):
        await _accounts(request).sign_out(token)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, secure=_is_https(request), httponly=True, samesite="lax")
    return response


async def me(request: Request) -> Response:
    return JSONResponse(await _accounts(request).who(token_of(request)))


def _accounts(request: Request) -> Accounts:
    accounts: Accounts = request.app.state.accounts
    return accounts


def _signed_in(request: Request, account: Row, token: str, *, status: int) -> Response:
    response = JSONResponse(account, status_code=status)
    response.set_cookie(
        COOKIE,
        token,
        max_age=request.app.state.settings.session_days * DAY,
        secure=_is_https(request),
        httponly=True,
        samesite="lax",
    )
    return response


def _is_https(request: Request) -> bool:
    return request.headers.get("x-forwarded-proto", request.url.scheme) == "https"


def _client_address(request: Request) -> str:
    # The edge appends the address it saw itself; whatever stands before it, the client wrote.
    last = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return (last or (request.client.host if request.client else ""))[:64]


routes = [
    Route("/api/signup", sign_up, methods=["POST"]),
    Route("/api/signin", sign_in, methods=["POST"]),
    Route("/api/signout", sign_out, methods=["POST"]),
    Route("/api/me", me, methods=["GET"]),
]
