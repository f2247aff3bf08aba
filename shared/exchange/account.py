"""The account at the venue: positions, money, settings, executions, listen keys. No orders."""

from typing import Any

from shared.domain.order import Fill
from shared.domain.position import AccountView, VenuePosition
from shared.exchange.call import Call, Priority, Security
from shared.exchange.clock import VenueClock
from shared.exchange.http import VenueHttp
from shared.exchange.parse_account import (
    parse_account,
    parse_brackets,
    parse_commission,
    parse_income,
    parse_leverage,
    parse_listen_key,
    parse_position_mode,
    parse_positions,
    parse_symbol_settings,
)
from shared.exchange.parse_orders import parse_user_trades
from shared.exchange.records import Commission, Income, LeverageBracket, MarginType, SymbolSettings
from shared.exchange.venues.shape import Endpoint, LeverageSource, VenuePolicy

Pairs = list[tuple[str, str]]


class AccountClient:
    """The account without its orders. Errors are those of `VenueHttp.request`; odd answers are `ContractViolation`.

    `reads` is the priority of reads: the bracket guard's may use the reserve of the rate limit.
    """

    def __init__(
        self, http: VenueHttp, policy: VenuePolicy, clock: VenueClock, *, quote: str = "USDT", reads: Priority = Priority.NORMAL
    ) -> None:
        self._http = http
        self._policy = policy
        self._clock = clock
        self._quote = quote
        self._reads = reads

    async def positions(self) -> list[VenuePosition]:
        """Positions that are not zero."""
        return parse_positions(await self.read(Endpoint.POSITION_RISK, [], every=True))

    async def account(self) -> AccountView:
        """Balance and margins in the quote asset."""
        payload = await self.read(Endpoint.ACCOUNT, [])
        return parse_account(payload, self._quote, self._clock.now_ms())

    async def user_trades(self, symbol: str, *, start_ms: int | None = None, from_id: int | None = None, limit: int = 1000) -> list[Fill]:
        """Executions, oldest first, from a time (the venue answers seven days from there) or from a trade id."""
        if start_ms is not None and from_id is not None:
            raise ValueError("user_trades: expected start_ms or from_id, venues refuse both together")
        params = given(symbol=symbol, startTime=start_ms, fromId=from_id, limit=limit)
        return parse_user_trades(await self.read(Endpoint.USER_TRADES, params))

    async def income(
        self,
        *,
        symbol: str | None = None,
        kind: str | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 1000,
    ) -> list[Income]:
        """Bookings, oldest first; `kind` such as FUNDING_FEE. The venue keeps three months."""
        params = given(symbol=symbol, incomeType=kind, startTime=start_ms, endTime=end_ms, limit=limit)
        return parse_income(await self.read(Endpoint.INCOME, params))

    async def commission_rate(self, symbol: str) -> Commission:
        """(maker, taker)."""
        return parse_commission(await self.read(Endpoint.COMMISSION_RATE, given(symbol=symbol)))

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        """Set the leverage of a symbol and return what the venue set."""
        params = given(symbol=symbol, leverage=leverage)
        return parse_leverage(await self._http.request(self.write("POST", Endpoint.LEVERAGE, params)))

    async def set_margin_type(self, symbol: str, margin_type: MarginType) -> None:
        """Set the margin type; already set is success."""
        await self._http.request(self.write("POST", Endpoint.MARGIN_TYPE, given(symbol=symbol, marginType=margin_type)))

    async def symbol_settings(self, symbol: str) -> SymbolSettings:
        """(leverage, margin type), from wherever the venue tells them."""
        by_config = self._policy.leverage_source is LeverageSource.SYMBOL_CONFIG
        endpoint = Endpoint.SYMBOL_CONFIG if by_config else Endpoint.POSITION_RISK
        return parse_symbol_settings(await self.read(endpoint, given(symbol=symbol)), symbol)

    async def leverage_brackets(self, symbol: str | None = None) -> dict[str, list[LeverageBracket]]:
        """Margin table by symbol, smallest notional first."""
        return parse_brackets(await self.read(Endpoint.LEVERAGE_BRACKET, given(symbol=symbol)))

    async def position_mode(self) -> bool:
        """True in hedge mode."""
        return parse_position_mode(await self.read(Endpoint.POSITION_MODE, []))

    async def set_position_mode(self, *, hedge: bool) -> None:
        """Switch between one-way and hedge mode; already set is success."""
        params = given(dualSidePosition="true" if hedge else "false")
        await self._http.request(self.write("POST", Endpoint.POSITION_MODE, params))

    async def create_listen_key(self) -> str:
        """The key of the user stream; the same one while it is active."""
        return parse_listen_key(await self._http.request(self._key_call("POST")))

    async def keepalive_listen_key(self) -> None:
        """Renew the key for another hour; `Permanent` with code `listen_key_unknown` when there is none."""
        await self._http.request(self._key_call("PUT"))

    async def close_listen_key(self) -> None:
        """End the key."""
        await self._http.request(self._key_call("DELETE"))

    def _key_call(self, method: str) -> Call:
        """A listen-key request: signed on some venues, with the key's header alone on others."""
        security = Security.SIGNED if self._policy.listen_key_signed else Security.KEY
        return Call(method=method, path=self._policy.path(Endpoint.LISTEN_KEY), security=security, priority=Priority.PROTECT)

    def write(self, method: str, endpoint: Endpoint, params: Pairs, priority: Priority = Priority.NORMAL) -> Call:
        """A signed write that is not an order."""
        return Call(method=method, path=self._policy.path(endpoint), params=params, security=Security.SIGNED, priority=priority)

    async def read(self, endpoint: Endpoint, params: Pairs, *, every: bool = False) -> Any:
        """A signed read."""
        call = Call(
            method="GET",
            path=self._policy.path(endpoint),
            params=params,
            weight=self._policy.weight(endpoint, every=every),
            security=Security.SIGNED,
            priority=self._reads,
        )
        return await self._http.request(call)


def given(**params: str | int | None) -> Pairs:
    """Those parameters that are not None, in this order."""
    return [(name, str(value)) for name, value in params.items() if value is not None]
