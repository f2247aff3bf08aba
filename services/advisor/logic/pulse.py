"""The market's pulse from closed candles: breadth, volatility, dispersion, correlation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite, log
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from services.advisor.logic.longer import LongerTrend
from shared.contracts.market import CandleClosed

BARS = 60
"""Returns per symbol for correlation; also how long a symbol must be known."""
_EMA = 2.0 / (55 + 1)
_ATR = 1.0 / 14
LEAST_SYMBOLS = 5
KEPT_CONDITIONS = 24
LONGER_MS = 1_800_000


@dataclass(frozen=True, slots=True)
class Condition:
    """One symbol after one candle: ATR in quote units, side of the longer trend (None while it is not known)."""

    close_ms: int
    atr: float
    side: int | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The market at one moment.

    `breadth` share above EMA55; `atr_ratio` median ATR over price; `dispersion` of 20-bar returns over symbols; `correlation`
    mean of each symbol's returns with the market's; `funding` median rate; `risk` the sentinel's for the market.
    """

    symbols: int
    breadth: float
    atr_ratio: float
    dispersion: float
    correlation: float
    funding: float
    risk: float


@dataclass(slots=True)
class _Market:
    """One symbol, candle by candle."""

    close_ms: int
    close: float
    ema: float
    atr: float
    seen: int
    returns: list[float]
    longer: LongerTrend = field(default_factory=LongerTrend)
    past: list[Condition] = field(default_factory=list)


_MARKETS = TypeAdapter(dict[str, _Market])


class Pulse:
    """Keeps what a snapshot needs of every symbol. `longer_ms` is the length of the longer candles."""

    def __init__(self, longer_ms: int = LONGER_MS) -> None:
        self._longer_ms = longer_ms
        self._markets: dict[str, _Market] = {}

    def anew(self) -> "Pulse":
        """An empty one for the same candles."""
        return Pulse(self._longer_ms)

    def candle(self, candle: CandleClosed) -> None:
        """Take a closed candle; one that is not later than the last is ignored."""
        known = self._markets.get(candle.symbol)
        spread = candle.high - candle.low
        if known is None:
            first = self._markets[candle.symbol] = _Market(candle.close_ms, candle.close, candle.close, spread, 1, [])
            first.longer.candle(candle.open_ms, candle.close_ms, candle.close, self._longer_ms)
            return
        if candle.close_ms <= known.close_ms:
            return
        true_range = max(candle.high, known.close) - min(candle.low, known.close)
        known.returns.append(log(candle.close / known.close))
        del known.returns[:-BARS]
        known.ema += _EMA * (candle.close - known.ema)
        known.atr += _ATR * (true_range - known.atr)
        known.close_ms, known.close, known.seen = candle.close_ms, candle.close, known.seen + 1
        known.longer.candle(candle.open_ms, candle.close_ms, candle.close, self._longer_ms)
        if known.seen > BARS:
            known.past.append(Condition(candle.close_ms, known.atr, known.longer.side))
            del known.past[:-KEPT_CONDITIONS]

    def condition(self, symbol: str, at_ms: int) -> Condition | None:
        """A symbol after the candle that holds a moment; None when that is not known (any more)."""
        known = self._markets.get(symbol)
        later = [one for one in (known.past if known else ()) if one.close_ms >= at_ms]
        return later[0] if known and later and later[0] is not known.past[0] else None

    def snapshot(self, funding: Iterable[float], risk: float) -> Snapshot | None:
        """The market now; None while fewer than five symbols are known for long enough."""
        newest = max((m.close_ms for m in self._markets.values()), default=0)
        ripe = [m for _, m in sorted(self._markets.items()) if m.seen > BARS and m.close_ms == newest]
        if len(ripe) < LEAST_SYMBOLS:
            return None
        returns = np.array([m.returns for m in ripe], dtype=np.float64)
        rates = [rate for rate in funding if isfinite(rate)]
        return Snapshot(
            symbols=len(ripe),
            breadth=float(np.mean([m.close > m.ema for m in ripe])),
            atr_ratio=float(np.median([m.atr / m.close for m in ripe])),
            dispersion=float(np.std(returns[:, -20:].sum(axis=1))),
            correlation=_correlation(returns),
            funding=float(np.median(rates)) if rates else 0.0,
            risk=risk,
        )

    def to_dict(self) -> dict[str, Any]:
        """The whole state as JSON types."""
        return {"kind": "pulse", "version": 1, "longer_ms": self._longer_ms, "markets": _MARKETS.dump_python(self._markets, mode="json")}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], longer_ms: int = LONGER_MS) -> "Pulse":
        """The pulse of a document; an empty one when its longer candles had another length.

        Raises:
            ValueError: it is not one (pydantic's error is one, too).
        """
        if (document.get("kind"), document.get("version")) != ("pulse", 1):
            raise ValueError(f"expected kind 'pulse' version 1, got {document.get('kind')!r} version {document.get('version')!r}")
        pulse = cls(longer_ms)
        if document.get("longer_ms") == longer_ms:
            pulse._markets = _MARKETS.validate_python(document.get("markets"))
        return pulse


def _correlation(returns: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """Mean correlation of each symbol's returns with the mean of all; symbols that do not move are left out."""
    moving = returns[returns.std(axis=1) > 0]
    market = moving.mean(axis=0) if len(moving) else np.zeros(1)
    if len(moving) < 2 or market.std() == 0:
        return 0.0
    return float(np.mean([np.corrcoef(row, market)[0, 1] for row in moving]))
