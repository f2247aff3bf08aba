"""Password, sessions and tokens.

Nothing is stored: all keys follow from the password, so that replicas agree and a new password ends every session. Without
a password there are no sessions, only a token against forged requests.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import Type, hash_secret_raw

SESSION_S = 12 * 3600
COOKIE = "mraster_session"
CSRF_HEADER = "x-csrf-token"


class Keyring:
    """Checks and makes what opens the door. Times are this machine's milliseconds."""

    def __init__(self, password: str, account: str) -> None:
        self.locked = bool(password)
        self._hasher = PasswordHasher()
        self._hash = self._hasher.hash(password) if password else ""
        self._key = _derived(password, account) if password else secrets.token_bytes(32)
        self._ended: dict[str, int] = {}

    async def password_fits(self, attempt: str) -> bool:
        """Compare in a thread: it takes a moment on purpose."""
        return self.locked and await asyncio.to_thread(self._verify, attempt)

    def _verify(self, attempt: str) -> bool:
        try:
            return self._hasher.verify(self._hash, attempt)
        except VerifyMismatchError:
            return False

    def new_session(self, now_ms: int) -> str:
        """The value of the session cookie."""
        body = f"{now_ms + SESSION_S * 1000}.{secrets.token_urlsafe(18)}"
        return f"{body}.{self._sign('session', body)}"

    def session_valid(self, cookie: str, now_ms: int) -> bool:
        """Whether we made it, it has not expired and nobody signed out of it here."""
        body, _, signature = cookie.rpartition(".")
        if not body or not _same(signature, self._sign("session", body)):
            return False
        return int(body.split(".")[0]) > now_ms and body not in self._ended

    def end_session(self, cookie: str, now_ms: int) -> None:
        """Sign out."""
        self._ended = {body: until for body, until in self._ended.items() if until > now_ms}
        if self.session_valid(cookie, now_ms):
            body = cookie.rpartition(".")[0]
            self._ended[body] = int(body.split(".")[0])

    def csrf(self, cookie: str) -> str:
        """The token that belongs to a session (to this process, when there is no password)."""
        return self._sign("csrf", cookie if self.locked else "")

    def csrf_fits(self, token: str, cookie: str) -> bool:
        """Whether a request carries the token of its session."""
        return _same(token, self.csrf(cookie))

    @property
    def api_token(self) -> str:
        """For scripts, as `Authorization: Bearer …`; it changes with the password."""
        return f"mr_{self._sign('api', '1')}"

    def api_token_fits(self, token: str) -> bool:
        """Whether it is that token."""
        return self.locked and _same(token, self.api_token)

    def _sign(self, purpose: str, text: str) -> str:
        digest = hmac.digest(self._key, f"{purpose}:{text}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _derived(password: str, account: str) -> bytes:
    """A signing key from the password, slow to guess; the same on every replica."""
    salt = hashlib.sha256(f"mraster dashboard {account}".encode()).digest()[:16]
    return hash_secret_raw(password.encode(), salt, time_cost=3, memory_cost=65_536, parallelism=4, hash_len=32, type=Type.ID)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
