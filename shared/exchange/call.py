"""One request to the venue, as a value."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from shared.exchange.signing import Params


class Priority(IntEnum):
    """PROTECT may use the part of the rate limit that is kept for cancels, stops and exits."""

    NORMAL = 0
    PROTECT = 1


class Security(StrEnum):
    """PUBLIC: nothing. KEY: the key's header only. SIGNED: timestamp or nonce, and a signature."""

    PUBLIC = "public"
    KEY = "key"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Method, path and parameters, with what the request costs.

    `orders` counts against the order limits. `client_id` marks a request whose outcome must be asked for when the answer
    is lost: an order or the cancel of one. `expires_s` is the monotonic second after which it is not sent any more.
    """

    method: str
    path: str
    params: Params = ()
    weight: int = 1
    orders: int = 0
    security: Security = Security.PUBLIC
    priority: Priority = Priority.NORMAL
    client_id: str | None = None
    expires_s: float | None = None

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice is the same as once, without anybody asking."""
        return self.method == "GET"

    @property
    def label(self) -> str:
        """How messages name the request: no parameters, so no secrets."""
        return f"{self.method} {self.path}"
