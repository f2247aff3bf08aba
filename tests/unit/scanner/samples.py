"""Features, market facts and candles with harmless values, to be changed one at a time."""

from dataclasses import replace
from typing import Any

import numpy as np

from services.scanner.logic.decide import ClosedBatch, Rules
from services.scanner.logic.edge import EdgeTerms
from services.scanner.logic.features import Features
from services.scanner.logic.filters import Hygiene, Signals
from services.scanner.logic.market import MarketSnapshot
from services.scanner.logic.setups import RuleBook
from shared.domain.candle import Candle
from shared.indicators.series import Series

LENGTH_MS = 300_000
CLOSE_MS = 1_764_547_499_999

CALM: dict[Series, float] = {
    Series.RSI: 50.0,
    Series.ATR: 0.5,
    Series.EMA_FAST: 100.0,
    Series.EMA_SLOW: 100.5,
    Series.ADX: 25.0,
    Series.ADX_CHANGE: 0.5,
    Series.BB_POSITION: 0.5,
    Series.BB_WIDTH: 0.02,
    Series.BB_SQUEEZE: 1.0,
    Series.STOCH_K: 50.0,
    Series.STOCH_D: 50.0,
    Series.SUPERTREND: 98.0,
    Series.SUPERTREND_SIDE: 1.0,
    Series.RETEST_GAP: 4.0,
    Series.MOMENTUM: 0.01,
    Series.VOLATILITY_RANK: 0.5,
    Series.WICKINESS: 0.4,
}


def features(*, now: dict[Series, float] | None = None, before: dict[Series, float] | None = None, **more: float) -> Features:
    """One symbol. `now` and `before` change indicators, `more` the other fields."""
    rest = {
        "bars": 500.0,
        "close": 100.0,
        "squeeze_low": 1.0,
        "expansion": 1.0,
        "retest_gap": 4.0,
        "higher_side": 1.0,
        "higher_slope": 1.0,
        **more,
    }
    return Features(
        now=np.array([[{**CALM, **(now or {})}[s]] for s in Series]),
        before=np.array([[{**CALM, **(before or {})}[s]] for s in Series]),
        **{name: np.array([value]) for name, value in rest.items()},
    )


def cross_up(**more: float) -> Features:
    """EMA21 has just crossed above EMA55, with RSI above its bound."""
    return replace(
        features(now={Series.EMA_FAST: 100.6, Series.EMA_SLOW: 100.5, Series.RSI: 58.0}),
        **{name: np.array([value]) for name, value in more.items()},
    )


def cross_down() -> Features:
    """The mirror image."""
    return features(
        now={Series.EMA_FAST: 100.4, Series.EMA_SLOW: 100.5, Series.RSI: 42.0, Series.SUPERTREND_SIDE: -1.0},
        before={Series.EMA_FAST: 100.6, Series.EMA_SLOW: 100.5},
        higher_side=-1.0,
        higher_slope=-1.0,
    )


def market(**changes: float) -> MarketSnapshot:
    """One liquid symbol with nothing wrong."""
    good = {
        "bid": 99.99,
        "ask": 100.01,
        "book_age_ms": 100.0,
        "mark": 100.0,
        "index": 100.0,
        "funding": 0.00002,
        "funding_interval_ms": 8 * 3_600_000.0,
        "mark_age_ms": 100.0,
        "quote_volume": 5e7,
        "volume_rank": 0.5,
        "peers_long": 0.0,
        "peers_short": 0.0,
        "unseen_long": 0.0,
        "unseen_short": 0.0,
        "bars_since_loss": float("inf"),
        **changes,
    }
    return MarketSnapshot(**{name: np.array([value]) for name, value in good.items()})


HYGIENE = Hygiene(
    needed_bars=360,
    max_age_ms=300_000.0,
    min_quote_volume=150_000.0,
    spread_max=0.003,
    wickiness_max=0.97,
    funding_enabled=True,
    funding_max_long=0.001,
    funding_max_short=0.001,
    non_arb_enabled=True,
    non_arb_clamp=0.0005,
    non_arb_threshold=0.00005,
    non_arb_gap=0.0015,
    min_edge_r=0.04,
)


def hygiene(**changes: Any) -> Hygiene:
    """The default limits, changed."""
    return replace(HYGIENE, **changes)


def signal(sign: float = 1.0, **changes: float) -> Signals:
    """One signal that passes everything."""
    good = {"bars": 500.0, "candle_age_ms": 50.0, "wickiness": 0.4, "atr": 0.5, "edge_r": 0.2, **changes}
    limit = good.pop("candle_limit_ms", 30_000.0)
    columns = {name: np.array([value]) for name, value in good.items()}
    return Signals(sign=np.array([sign]), candle_limit_ms=limit, **columns)


TERMS = EdgeTerms(stop_atr=1.0, target_atr=1.6, taker_ratio=0.0005, min_edge_r=0.04, interval_ms=LENGTH_MS)


def rules(book: RuleBook | None = None, limits: Hygiene | None = None, terms: EdgeTerms | None = None) -> Rules:
    """The defaults with parts replaced."""
    return Rules(book=book or RuleBook(), hygiene=limits or HYGIENE, terms=terms or TERMS)


def batch(found: Features, *symbols: str, now_ms: int = CLOSE_MS + 80) -> ClosedBatch:
    """Symbols that closed together."""
    return ClosedBatch(list(symbols) or ["ABCUSDT"], "5m", CLOSE_MS, now_ms, 30_000, found)


def candle(symbol: str, bar: int, price: float = 100.0, *, length_ms: int = LENGTH_MS, volume: float = 1000.0) -> Candle:
    """A small candle of a bar number."""
    return Candle(symbol, "5m", bar * length_ms, price, price * 1.001, price * 0.999, price, volume / price, volume, 10)
