"""One REST call on its way to a handler, and the table of handlers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from services.paper_exchange.auth import Raw
from services.paper_exchange.logic.entities import Account
from services.paper_exchange.logic.params import Params

if TYPE_CHECKING:
    from services.paper_exchange.exchange import Exchange


class Security(StrEnum):
    """What a call must prove."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request with its parameters and, when it was signed, its account."""

    raw: Raw
    params: Params
    exchange: "Exchange"
    account: Account | None = None

    @property
    def owner(self) -> Account:
        """The account of a call that needs one."""
        if self.account is None:
            raise RuntimeError(f"{self.raw.path} was routed without its account")
        return self.account


@dataclass(frozen=True, slots=True)
class Text:
    """An answer that is not JSON."""

    content_type: str
    text: str


Handler = Callable[[Call], Any | Awaitable[Any]]
Weight = int | Callable[[Params], int]


@dataclass(frozen=True, slots=True)
class Route:
    """A handler with its security, its weight, how many orders it counts as, and whether a live mirror answers it."""

    handler: Handler
    security: Security = Security.NONE
    weight: Weight = 1
    orders: int = 0
    mirrored: bool = False


RouteTable = Mapping[tuple[str, str], Route]
