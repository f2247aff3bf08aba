"""What the rules look at, for many symbols at one closed candle."""

from dataclasses import dataclass

import numpy as np

from services.scanner.logic.windows import Index, Windows
from shared.indicators.series import Series
from shared.indicators.types import Floats

_RETEST_LOOKBACK = 3

PUBLISHED = {
    "rsi": Series.RSI,
    "adx": Series.ADX,
    "adx_change": Series.ADX_CHANGE,
    "bb_position": Series.BB_POSITION,
    "bb_width": Series.BB_WIDTH,
    "bb_squeeze": Series.BB_SQUEEZE,
    "stoch_rsi_k": Series.STOCH_K,
    "stoch_rsi_d": Series.STOCH_D,
    "supertrend_side": Series.SUPERTREND_SIDE,
    "momentum": Series.MOMENTUM,
    "volatility_rank": Series.VOLATILITY_RANK,
    "wickiness": Series.WICKINESS,
}
"""Indicators that go into messages as they are."""


@dataclass(frozen=True, slots=True)
class Features:
    """One value per symbol in each array; NaN where it is not known yet.

    `now` and `before` are all indicator series at the candle and at the one before: [series, symbols].
    `squeeze_low` least relative band width in 8 bars; `expansion` the width now over the least in 8 bars;
    `retest_gap` how near the price came to the Supertrend line in 3 bars, in ATR. `higher_side` +1, 0 or -1;
    `higher_slope` change of the longer EMA55 over 4 longer candles, in ATR of the signal candles.
    """

    bars: Floats
    close: Floats
    now: Floats
    before: Floats
    squeeze_low: Floats
    expansion: Floats
    retest_gap: Floats
    higher_side: Floats
    higher_slope: Floats

    def value(self, series: Series) -> Floats:
        """One indicator at the candle."""
        value: Floats = self.now[series]
        return value

    @property
    def ema_gap(self) -> Floats:
        """EMA21 above (+) or below (-) EMA55, in ATR."""
        return _per(self.now[Series.EMA_FAST] - self.now[Series.EMA_SLOW], self.now[Series.ATR])

    def published(self, places: Index) -> dict[str, Floats]:
        """The features of some symbols by name, for messages."""
        named: dict[str, Floats] = {name: self.now[series, places] for name, series in PUBLISHED.items()}
        named["ema_gap_atr"] = self.ema_gap[places]
        named["atr_ratio"] = self.now[Series.ATR, places] / self.close[places]
        named["higher_side"] = self.higher_side[places]
        named["higher_slope_atr"] = self.higher_slope[places]
        return named


def observe(windows: Windows, rows: Index, bar: int) -> Features:
    """The features of symbols whose newest candle is `bar`."""
    bank = windows.bank
    now = bank.reading(bar, rows)
    widths = bank.recent(Series.BB_WIDTH, rows)
    gaps = np.stack([bank.reading(bar, rows, lag)[Series.RETEST_GAP] for lag in range(_RETEST_LOOKBACK)])
    trend = windows.higher.trend(rows)
    return Features(
        bars=windows.bars(rows).astype(np.float64),
        close=windows.ohlc(bar, rows).close,
        now=now,
        before=bank.reading(bar, rows, 1),
        squeeze_low=bank.recent(Series.BB_SQUEEZE, rows).min(axis=0),
        expansion=_per(now[Series.BB_WIDTH], widths.min(axis=0)),
        retest_gap=gaps.min(axis=0),
        higher_side=_side(trend.slope, trend.close - trend.ema),
        higher_slope=_per(trend.slope, now[Series.ATR]),
    )


def _side(slope: Floats, above: Floats) -> Floats:
    """+1 when the average rises and the price is above it, -1 mirrored, 0 between; NaN before there is an average."""
    side = np.where((slope > 0) & (above > 0), 1.0, np.where((slope < 0) & (above < 0), -1.0, 0.0))
    return np.where(np.isnan(slope), np.nan, side)


def _per(value: Floats, unit: Floats) -> Floats:
    """A ratio; NaN where the unit is zero."""
    return value / np.where(unit == 0, np.nan, unit)
