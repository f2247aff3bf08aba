"""The door in front of every route: host, origin, session or token, forged requests, and the headers of every answer."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.dashboard.keyring import COOKIE, CSRF_HEADER, Keyring
from services.dashboard.logic.origin import host_allowed, origin_allowed
from shared.domain.clock import Clock

OPEN_PATHS = frozenset({"/api/session", "/api/login"})
"""What a visitor may ask before signing in."""
LIVE_PATH = "/ws"
READING = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self';"
        " manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """ASGI middleware. A refusal is a code and never says what would have fitted."""

    def __init__(self, app: ASGIApp, keyring: Keyring, clock: Clock) -> None:
        self._app = app
        self._keyring = keyring
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through or refuse."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, _with_headers(scope, send))
            return
        status, code, message = refusal
        answer = JSONResponse({"code": code, "message": message}, status_code=status)
        if scope["type"] == "websocket":
            await _deny(answer, scope, receive, send)
        else:
            await answer(scope, receive, _with_headers(scope, send))

    def _refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        """Status, code and words; None lets it pass."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._keyring.locked and not host_allowed(host):
            return 421, "host_not_allowed", "open the page under 127.0.0.1 or localhost, or set a password"
        if scope["type"] == "websocket" and scope["path"] != LIVE_PATH:
            return 404, "not_found", f"the live connection is {LIVE_PATH}"
        changes = scope["type"] == "websocket" or scope["method"] not in READING
        if changes and not origin_allowed(headers.get("origin"), host):
            return 403, "origin_not_allowed", "the request comes from another site's page"
        return self._entry(scope, headers)

    def _entry(self, scope: Scope, headers: Headers) -> tuple[int, str, str] | None:
        """Session, API token, and the token against forged requests."""
        path: str = scope["path"]
        keyring = self._keyring
        private = path.startswith("/api/") or scope["type"] == "websocket"
        if not private or path == "/api/login":
            return None
        cookie = cookie_of(headers)
        by_token = keyring.api_token_fits(bearer_of(headers))
        signed_in = keyring.locked and keyring.session_valid(cookie, self._clock.wall_ms())
        if keyring.locked and not (by_token or signed_in) and path not in OPEN_PATHS:
            return 401, "sign_in", "sign in with the password, or send the API token"
        forgeable = scope["type"] == "http" and scope["method"] not in READING and not by_token
        if forgeable and not keyring.csrf_fits(headers.get(CSRF_HEADER, ""), cookie):
            return 403, "csrf", f"send the token of GET /api/session in the header {CSRF_HEADER}"
        return None


def cookie_of(headers: Headers) -> str:
    """The session cookie, empty when there is none."""
    try:
        jar = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return jar[COOKIE].value if COOKIE in jar else ""


def bearer_of(headers: Headers) -> str:
    """The token of `Authorization: Bearer …`, empty when there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _with_headers(scope: Scope, send: Send) -> Send:
    """Add the security headers; API answers are never stored."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            if scope["path"].startswith("/api/"):
                headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending


async def _deny(answer: JSONResponse, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a WebSocket with an HTTP status where the server can, else by closing it."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await answer(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008})
