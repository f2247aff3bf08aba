"""What the venue says right before an entry: account, positions, leftovers. Read, never remembered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from services.executor.shared_read import SharedRead
from shared.domain.errors import Transient
from shared.domain.order import VenueOrder, parse_client_id
from shared.domain.position import AccountView, VenuePosition
from shared.exchange.private import PrivateClient
from shared.risk.tiers import UNKNOWN, Tier


@dataclass(frozen=True, slots=True)
class Truth:
    """One consistent enough picture; each part came from a read that succeeded. `account` None = its read failed."""

    account: AccountView | None
    positions: dict[str, VenuePosition]
    orders: list[VenueOrder]

    def leftovers(self, symbol: str) -> list[VenueOrder]:
        """Open orders of ours on a symbol that has no position: they would act on the next one."""
        if symbol in self.positions:
            return []
        return [order for order in self.orders if order.symbol == symbol and parse_client_id(order.client_id) is not None]


class TruthReader:
    """Reads the venue for entries. Many that ask at the same time share a read, each one begun after it asked."""

    def __init__(self, private: PrivateClient) -> None:
        self._private = private
        self._account = SharedRead(private.account)
        self._positions = SharedRead(private.positions)

    async def read(self, symbol: str, *, account_needed: bool = True) -> Truth:
        """Account, all positions, and the open orders of one symbol, read together.

        Raises:
            Transient: a read failed; the account's only when it is needed.
        """
        account, positions, orders = await asyncio.gather(
            self._account_or_none(needed=account_needed), self._positions.get(), self._private.open_orders(symbol)
        )
        return Truth(account, {p.symbol: p for p in positions}, orders)

    async def _account_or_none(self, *, needed: bool) -> AccountView | None:
        try:
            return await self._account.get()
        except Transient:
            if needed:
                raise
            return None


class Margins:
    """Leverage brackets of the venue: read once, they change rarely."""

    def __init__(self) -> None:
        self._tiers: dict[str, tuple[Tier, ...]] = {}

    async def load(self, private: PrivateClient) -> None:
        """Read all tables."""
        tables = await private.leverage_brackets()
        self._tiers = {
            symbol: tuple(Tier(row.leverage, row.floor, row.cap, row.maintenance_ratio) for row in rows)
            for symbol, rows in tables.items()
            if rows
        }

    def tiers(self, symbol: str) -> Sequence[Tier]:
        """The table of a symbol, smallest notional first; leverage 1 when the venue does not tell."""
        return self._tiers.get(symbol, UNKNOWN)
