"""What the venue says right before an entry: account, positions, leftovers. Read, never remembered."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from shared.domain.order import VenueOrder, parse_client_id
from shared.domain.position import AccountView, VenuePosition
from shared.domain.units import Ratio
from shared.exchange.private import PrivateClient
from shared.exchange.records import LeverageBracket


@dataclass(frozen=True, slots=True)
class Truth:
    """One consistent enough picture; each part came from a read that succeeded."""

    account: AccountView
    positions: dict[str, VenuePosition]
    orders: list[VenueOrder]

    def leftovers(self, symbol: str) -> list[VenueOrder]:
        """Open orders of ours on a symbol that has no position: they would act on the next one."""
        if symbol in self.positions:
            return []
        return [order for order in self.orders if order.symbol == symbol and parse_client_id(order.client_id) is not None]


async def read(private: PrivateClient, symbol: str) -> Truth:
    """Account, all positions, and the open orders of one symbol, read together. Raises when any read fails."""
    account, positions, orders = await asyncio.gather(private.account(), private.positions(), private.open_orders(symbol))
    return Truth(account, {p.symbol: p for p in positions}, orders)


class Margins:
    """Leverage brackets of the venue: read once, they change rarely."""

    def __init__(self) -> None:
        self._brackets: dict[str, list[LeverageBracket]] = {}

    async def load(self, private: PrivateClient) -> None:
        """Read all tables."""
        self._brackets = await private.leverage_brackets()

    def highest_leverage(self, symbol: str) -> int:
        """What the venue allows for the smallest notional; 1 when it does not tell."""
        rows = self._brackets.get(symbol, [])
        return rows[0].leverage if rows else 1

    def maintenance_ratio(self, symbol: str) -> Ratio:
        """Of the smallest notional; half the entry margin of leverage 1 when the venue does not tell."""
        rows = self._brackets.get(symbol, [])
        return rows[0].maintenance_ratio if rows else Ratio(Decimal("0.5"))
