"""What the scanner found: a candidate, or a skip with the number that failed."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.envelope import Payload
from shared.contracts.topic import CANDIDATE, SKIP, Topic
from shared.domain.order import Direction, intent_hash


class Setup(StrEnum):
    """The rule that fired."""

    TREND_CROSS = "trend_cross"
    BREAKOUT_RETEST = "breakout_retest"
    RANGE_REVERSION = "range_reversion"
    TREND_SCAN = "trend_scan"


class SkipReason(StrEnum):
    """Why a setup was not offered, in the order in which the filters run."""

    TOO_FEW_CANDLES = "too_few_candles"
    STALE_DATA = "stale_data"
    MISSING_QUOTE_VOLUME = "missing_quote_volume"
    QUOTE_VOLUME = "quote_volume"
    MISSING_SPREAD = "missing_spread"
    SPREAD = "spread"
    WICKINESS = "wickiness"
    MISSING_FUNDING = "missing_funding"
    FUNDING_LONG = "funding_long"
    FUNDING_SHORT = "funding_short"
    MISSING_ORACLE = "missing_oracle"
    ORACLE_GAP = "oracle_gap"
    NON_ARB_LONG = "non_arb_long"
    NON_ARB_SHORT = "non_arb_short"
    CORRELATED = "correlated"
    MISSING_CORRELATION = "missing_correlation"
    COOLDOWN = "cooldown"
    MISSING_ATR = "missing_atr"
    EDGE = "edge"


def decision_id(symbol: str, interval: str, close_ms: int, direction: Direction) -> str:
    """The id that follows one idea from candle to closed trade: ten characters [a-z2-7]."""
    return intent_hash(f"{symbol}:{interval}:{close_ms}:{direction}")


class Signal(Payload):
    """What a candidate and a skip have in common.

    `price` is the close of the candle; `stop_distance` and `target_distance` are quote units from it; `edge_r`,
    `cost_r` are multiples of the initial risk; `p_prior` and `p` are win probabilities before and after calibration.
    """

    symbol: str
    interval: str
    close_ms: int
    direction: Direction
    setup: Setup
    strength: float = Field(ge=0, le=1)
    price: float = Field(gt=0)
    atr: float | None
    stop_distance: float | None
    target_distance: float | None
    p_prior: float | None
    p: float | None
    cost_r: float | None
    edge_r: float | None
    spread_ratio: float | None
    features: dict[str, float]

    def keys(self) -> tuple[str, ...]:
        """The symbol."""
        return (self.symbol,)

    def identity(self) -> str:
        """Symbol, interval, close time and direction: two scanners that both own a symbol agree on it."""
        return f"{self.symbol}:{self.interval}:{self.close_ms}:{self.direction}"


class Candidate(Signal):
    """A setup that passed every filter. Older than `valid_until_ms` (venue time) it must not be traded."""

    topic: ClassVar[Topic] = CANDIDATE

    atr: float
    stop_distance: float
    target_distance: float
    p_prior: float
    p: float
    cost_r: float
    edge_r: float
    spread_ratio: float
    valid_until_ms: int


class Skip(Signal):
    """A setup that a filter stopped: `value` against `limit`; `gap` = how far it missed, relative to the limit."""

    topic: ClassVar[Topic] = SKIP

    reason: SkipReason
    value: float | None
    limit: float | None
    gap: float | None
