"""Orders, positions and the account. Only the executor and the bracket guard may import this."""

from shared.domain.order import Fill, VenueOrder
from shared.domain.position import AccountView, VenuePosition
from shared.exchange.clock import VenueClock
from shared.exchange.http import VenueHttp
from shared.exchange.records import Commission, Income, LeverageBracket, MarginType, SymbolSettings
from shared.exchange.venues.shape import VenuePolicy
from shared.risk.gate import Approved


class PrivateClient:
    """The account at the venue."""

    def __init__(self, http: VenueHttp, policy: VenuePolicy, clock: VenueClock, *, quote: str = "USDT") -> None:
        self._http = http
        self._policy = policy
        self._clock = clock
        self._quote = quote

    async def place(self, approved: Approved) -> VenueOrder:
        """Send an order once."""
        raise NotImplementedError

    async def cancel(self, symbol: str, *, order: VenueOrder) -> VenueOrder | None:
        """Cancel one order; its state afterwards, or None when the venue does not know it."""
        raise NotImplementedError

    async def cancel_all(self, symbol: str) -> None:
        """Cancel all ordinary and conditional orders of a symbol."""
        raise NotImplementedError

    async def query_order(self, symbol: str, client_id: str, *, conditional: bool) -> VenueOrder | None:
        """An order by client id; None when the venue says that it does not exist."""
        raise NotImplementedError

    async def open_orders(self, symbol: str | None = None) -> list[VenueOrder]:
        """Ordinary and conditional orders that are open; raises when either read fails."""
        raise NotImplementedError

    async def positions(self) -> list[VenuePosition]:
        """Positions that are not zero."""
        raise NotImplementedError

    async def account(self) -> AccountView:
        """Balance and margins in the quote asset."""
        raise NotImplementedError

    async def user_trades(self, symbol: str, *, start_ms: int | None = None, from_id: int | None = None, limit: int = 1000) -> list[Fill]:
        """Executions, oldest first."""
        raise NotImplementedError

    async def income(
        self, *, symbol: str | None = None, kind: str | None = None, start_ms: int | None = None, limit: int = 1000
    ) -> list[Income]:
        """Bookings, oldest first."""
        raise NotImplementedError

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        """Set and return the leverage of a symbol."""
        raise NotImplementedError

    async def set_margin_type(self, symbol: str, margin_type: MarginType) -> None:
        """Set the margin type; already set is success."""
        raise NotImplementedError

    async def symbol_settings(self, symbol: str) -> SymbolSettings:
        """(leverage, margin type)."""
        raise NotImplementedError

    async def leverage_brackets(self, symbol: str | None = None) -> dict[str, list[LeverageBracket]]:
        """Margin table by symbol, smallest notional first."""
        raise NotImplementedError

    async def position_mode(self) -> bool:
        """True in hedge mode."""
        raise NotImplementedError

    async def set_position_mode(self, *, hedge: bool) -> None:
        """Switch one-way/hedge; already set is success."""
        raise NotImplementedError

    async def commission_rate(self, symbol: str) -> Commission:
        """(maker, taker)."""
        raise NotImplementedError

    async def create_listen_key(self) -> str:
        """The key of the user stream; the same one while it is active."""
        raise NotImplementedError

    async def keepalive_listen_key(self) -> None:
        """Renew it."""
        raise NotImplementedError

    async def close_listen_key(self) -> None:
        """End it."""
        raise NotImplementedError
