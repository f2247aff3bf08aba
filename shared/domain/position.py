"""Positions and the account, as the venue describes them."""

from dataclasses import dataclass
from decimal import Decimal

from shared.domain.order import Direction, PositionSide
from shared.domain.units import Price, Qty, Usd


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePosition:
    """A position at the venue; `amount` is signed (negative = short) and never zero here."""

    symbol: str
    amount: Decimal
    entry_price: Price
    mark_price: Price
    unrealised: Usd
    liquidation_price: Price | None
    leverage: int | None
    isolated: bool | None
    position_side: PositionSide
    update_ms: int

    @property
    def direction(self) -> Direction:
        """Long or short."""
        return Direction.LONG if self.amount > 0 else Direction.SHORT

    @property
    def quantity(self) -> Qty:
        """Unsigned size in base units."""
        return Qty(abs(self.amount))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """The account's money in the quote asset. `equity` = wallet + unrealised PnL."""

    wallet: Usd
    unrealised: Usd
    available: Usd
    initial_margin: Usd
    maintenance_margin: Usd
    update_ms: int

    @property
    def equity(self) -> Usd:
        """Wallet balance plus unrealised PnL."""
        return Usd(self.wallet + self.unrealised)
