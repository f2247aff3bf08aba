"""Facts about the account that only the venue client needs: income, brackets, settings of a symbol."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from shared.domain.units import Ratio, Usd


class MarginType(StrEnum):
    """Whether a position has its own margin or shares the account's."""

    CROSSED = "CROSSED"
    ISOLATED = "ISOLATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """One booking: REALIZED_PNL, FUNDING_FEE, COMMISSION, TRANSFER, ... `amount` negative when it costs.

    `transaction_id` is unique per user and kind; a number on one venue, a text on another.
    """

    symbol: str
    kind: str
    amount: Usd
    asset: str
    time_ms: int
    transaction_id: str
    trade_id: str
    info: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageBracket:
    """A step of the margin table: for a notional in [floor, cap), maintenance = notional * ratio - `cum`."""

    leverage: int
    floor: Decimal
    cap: Decimal
    maintenance_ratio: Ratio
    cum: Decimal


class SymbolSettings(NamedTuple):
    """Leverage and margin type of a symbol."""

    leverage: int
    margin_type: MarginType


class Commission(NamedTuple):
    """Fee rates of a symbol."""

    maker: Ratio
    taker: Ratio
