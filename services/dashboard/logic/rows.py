"""What the API answers about money: positions, account, trades, equity."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import ValidationError, field_validator

from services.dashboard.logic.answers import Answer, Unknown
from shared.contracts.order import ExitReason, TradeClosed
from shared.contracts.signal import Setup
from shared.domain.order import Direction


class Protection(StrEnum):
    """Whether a protective order rests at the venue."""

    RESTING = "resting"
    PENDING = "pending"
    MISSING = "missing"


class PositionRow(Answer):
    """A position as the executor wrote it, its stop where the guard has moved it. None = not told. Times are venue milliseconds.

    `stop_moves` counts the moves; `planned_stop_price` is where the plan had the stop. `naked_ms` is how long the position had no stop
    in all, `naked_since_ms` since when it has none now, as the guard measured it.
    """

    symbol: str
    position_id: str | None = None
    phase: str | None = None
    direction: Direction | None = None
    quantity: Decimal | None = None
    entry_price: Decimal | None = None
    initial_risk_usd: Decimal | None = None
    opened_ms: int | None = None
    stop_price: Decimal | None = None
    target_price: Decimal | None = None
    planned_stop_price: Decimal | None = None
    stop_moves: int | None = None
    stop_moved_ms: int | None = None
    naked_ms: int | None = None
    naked_since_ms: int | None = None
    stop_state: Protection | None = None
    target_state: Protection | None = None
    bracket_checked_ms: int | None = None
    mark_price: Decimal | None = None
    unrealised_usd: Decimal | None = None
    leverage: int | None = None
    liquidation_price: Decimal | None = None
    fees_usd: Decimal | None = None
    realised_usd: Decimal | None = None
    setup: str | None = None
    interval: str | None = None
    decision_id: str | None = None
    owned: bool | None = None
    updated_ms: int | None = None
    unknown: Unknown | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unknown(cls, value: object) -> object:
        """An empty text tells nothing."""
        return None if value == "" else value

    @field_validator("bracket_checked_ms", mode="after")
    @classmethod
    def _never_checked(cls, value: int | None) -> int | None:
        """The executor writes 0 for never."""
        return value or None

    @property
    def is_open(self) -> bool:
        """Whether something is at risk; a position that cannot be read counts as open."""
        return self.quantity is None or self.quantity != 0


def position_row(symbol: str, document: Mapping[str, Any], bracket: Mapping[str, Any] | None = None) -> PositionRow:
    """A document as a row; one that does not fit is a row that says so. `bracket` is the guard's document of the symbol."""
    try:
        return PositionRow.model_validate({**document, **_guarded(document, bracket or {}), "symbol": symbol})
    except ValidationError:
        return PositionRow(symbol=symbol, unknown=Unknown.UNREADABLE)


def _guarded(document: Mapping[str, Any], bracket: Mapping[str, Any]) -> dict[str, Any]:
    """What the guard knows of this very position: where it has moved the stop to, and how long there was none."""
    desired, naked = bracket.get("desired") or {}, bracket.get("naked") or {}
    if desired.get("position_id") != document.get("position_id"):
        return {}
    found = {"naked_ms": naked.get("total_ms"), "naked_since_ms": naked.get("since_ms")}
    if not desired.get("moves") or desired.get("stop_price") is None:
        return found
    moved = {"stop_price": desired["stop_price"], "stop_moves": desired["moves"], "stop_moved_ms": desired.get("moved_ms")}
    return {**found, **moved, "planned_stop_price": document.get("stop_price")}


class AccountRow(Answer):
    """The account's money in the quote asset as the executor wrote it; `updated_ms` is venue time."""

    wallet_usd: Decimal | None = None
    unrealised_usd: Decimal | None = None
    equity_usd: Decimal | None = None
    available_usd: Decimal | None = None
    margin_usd: Decimal | None = None
    opening_usd: Decimal | None = None
    day_pnl_usd: Decimal | None = None
    updated_ms: int | None = None
    unknown: Unknown | None = None


def account_row(document: Mapping[str, Any] | None) -> AccountRow:
    """The document as an answer; absent or unreadable is said, not guessed."""
    if document is None:
        return AccountRow(unknown=Unknown.NOT_WRITTEN)
    try:
        return AccountRow.model_validate({key: None if value == "" else value for key, value in document.items()})
    except ValidationError:
        return AccountRow(unknown=Unknown.UNREADABLE)


class TradeRow(Answer):
    """One round trip, as published."""

    decision_id: str
    symbol: str
    position_id: str
    direction: Direction
    setup: Setup | None
    interval: str
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    opened_ms: int
    closed_ms: int
    gross_usd: Decimal
    fees_usd: Decimal
    funding_usd: Decimal
    net_usd: Decimal
    initial_risk_usd: Decimal | None
    r: Decimal | None
    exit_reason: ExitReason
    mae_r: Decimal | None
    mfe_r: Decimal | None
    stop_price: Decimal | None
    target_price: Decimal | None


def trade_row(trade: TradeClosed, decision_id: str) -> TradeRow:
    """The event as an answer."""
    return TradeRow(decision_id=decision_id, **{name: getattr(trade, name) for name in TradeRow.model_fields if name != "decision_id"})


class EquityPoint(Answer):
    """Money at a venue time."""

    ms: int
    usd: Decimal


class Equity(Answer):
    """Two curves of the account.

    `realised` = opening balance plus the net of closed trades, empty when the opening balance is not known; `samples` =
    equity as the executor told it since this dashboard runs.
    """

    opening_usd: Decimal | None
    realised: tuple[EquityPoint, ...]
    samples: tuple[EquityPoint, ...]
    trades: int
    net_usd: Decimal
    unknown: Unknown | None = None
