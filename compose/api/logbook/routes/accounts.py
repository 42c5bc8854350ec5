"""Routes of accounts: sign up, sign in, sign out, who am I."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from logbook import clients, forms
from logbook.services.accounts import Accounts, Client, SignedIn

COOKIE = "session"
DEVICE = "device"  # says of a browser that it has signed in before, and to which account
SIGN_IN = "/api/signin"
DAY = 24 * 60 * 60


def token_of(request: Request) -> str:
    """Return the session's token, or nothing."""
    return request.cookies.get(COOKIE, "")


async def sign_up(request: Request) -> Response:
    form = await forms.read_signup(request)
    return _answer(request, await _accounts(request).sign_up(form, _client(request)), status=201)


async def sign_in(request: Request) -> Response:
    form = await forms.read_signin(request)
    return _answer(request, await _accounts(request).sign_in(form, _client(request)), status=200)


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


def _answer(request: Request, signed_in: SignedIn, *, status: int) -> Response:
    response = JSONResponse(signed_in.account, status_code=status)
    days = request.app.state.settings.session_days
    for name, value, path, kept in (
        (COOKIE, signed_in.token, "/", days * DAY),
        (DEVICE, signed_in.mark, SIGN_IN, 365 * DAY),
    ):
        response.set_cookie(
            name,
            value,
            max_age=kept,
            path=path,
            secure=_is_https(request),
            httponly=True,
            samesite="lax",
        )
    return response


def _is_https(request: Request) -> bool:
    return request.headers.get("x-forwarded-proto", request.scope["scheme"]) == "https"


def _client(request: Request) -> Client:
    # The edge writes the address that it takes for the client's last; what the client wrote of
    # itself stands before it, or is gone.
    last = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    address = last or (request.client.host if request.client else "")
    return Client(clients.network(address[:64]), request.cookies.get(DEVICE, "")[:200])


routes = [
    Route("/api/signup", sign_up, methods=["POST"]),
    Route(SIGN_IN, sign_in, methods=["POST"]),
    Route("/api/signout", sign_out, methods=["POST"]),
    Route("/api/me", me, methods=["GET"]),
]
