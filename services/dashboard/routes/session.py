"""Signing in and out, and the tokens that belong to it."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from services.dashboard.desk import Desk
from services.dashboard.guard import cookie_of
from services.dashboard.keyring import COOKIE, SESSION_S
from services.dashboard.logic.answers import Answer


class SessionAnswer(Answer):
    """Whether a password is needed, whether this browser is signed in, and its token against forged requests."""

    password_needed: bool
    signed_in: bool
    csrf: str | None


class Login(BaseModel):
    """The password."""

    password: str = Field(min_length=1, max_length=1000)


class TokenAnswer(Answer):
    """For scripts: `Authorization: Bearer <token>`. It changes with the password."""

    token: str


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["session"])

    @routes.get("/api/session")
    async def session(request: Request) -> SessionAnswer:
        """The first thing that a page asks."""
        return _answer(desk, cookie_of(request.headers))

    @routes.post("/api/login", response_model=SessionAnswer, responses={401: {}, 429: {}})
    async def login(body: Login, request: Request) -> Response:
        """Sign in: sets the session cookie. Five wrong passwords per address in five minutes."""
        return await _sign_in(desk, body.password, request)

    @routes.post("/api/logout")
    async def logout(request: Request, response: Response) -> SessionAnswer:
        """Sign out: the session ends."""
        desk.keyring.end_session(cookie_of(request.headers), desk.ctx.clock.wall_ms())
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return _answer(desk, "")

    @routes.post("/api/token", response_model=TokenAnswer, responses={409: {}})
    async def token() -> Response:
        """The API token for scripts; a POST so that no link and no cache ever holds it."""
        if not desk.keyring.locked:
            return _refused(409, "no_password", "without a password the API needs no token")
        return JSONResponse(TokenAnswer(token=desk.keyring.api_token).model_dump())

    return routes


async def _sign_in(desk: Desk, password: str, request: Request) -> Response:
    """Check and answer; the try counts as failed until it has succeeded, so that many at once count, too."""
    if not desk.keyring.locked:
        return _refused(409, "no_password", "no password is set, there is nothing to sign in to")
    now_ms = desk.ctx.clock.wall_ms()
    address = request.client.host if request.client is not None else "unknown"
    wait_ms = desk.attempts.wait_ms(address, now_ms)
    if wait_ms > 0:
        return _refused(429, "too_many_attempts", "wait before the next try", retry_after_s=-(-wait_ms // 1000))
    desk.attempts.failed(address, now_ms)
    if not await desk.keyring.password_fits(password):
        desk.ctx.log.warning("sign_in_refused", address=address)
        return _refused(401, "wrong_password", "the password does not fit")
    desk.attempts.succeeded(address)
    return _signed_in(desk, request, now_ms)


def _answer(desk: Desk, cookie: str) -> SessionAnswer:
    keyring = desk.keyring
    inside = not keyring.locked or keyring.session_valid(cookie, desk.ctx.clock.wall_ms())
    return SessionAnswer(password_needed=keyring.locked, signed_in=inside, csrf=keyring.csrf(cookie) if inside else None)


def _signed_in(desk: Desk, request: Request, now_ms: int) -> Response:
    cookie = desk.keyring.new_session(now_ms)
    response = JSONResponse(_answer(desk, cookie).model_dump())
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, cookie, max_age=SESSION_S, path="/", httponly=True, samesite="strict", secure=secure)
    return response


def _refused(status: int, code: str, message: str, *, retry_after_s: int | None = None) -> Response:
    headers = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
    return JSONResponse({"code": code, "message": message, "retry_after_s": retry_after_s}, status_code=status, headers=headers)
