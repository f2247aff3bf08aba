"""Every indicator against TA-Lib, or against the plainest possible loop where TA-Lib has none."""

import numpy as np
import pytest
import talib

from shared.indicators.aggregate import Ohlc
from shared.indicators.momentum import rate_of_change, rsi, stoch_rsi
from shared.indicators.rolling import rolling_rank
from shared.indicators.smoothing import ema
from shared.indicators.trend import adx, supertrend
from shared.indicators.types import Floats
from shared.indicators.volatility import atr, bollinger, realised_volatility, wickiness
from tests.unit.indicators.paths import late_start, random_candles

STARTS = [0, 0, 37, 120]


@pytest.fixture(scope="module", params=[0.0, 0.3], ids=["moving", "often-still"])
def candles(request: pytest.FixtureRequest) -> Ohlc:
    return late_start(random_candles(4, 400, seed=11, flat_share=request.param), STARTS)


def agree(ours: Floats, row: int, reference: Floats, tolerance: float = 1e-9) -> None:
    """Our row equals the reference that was computed on the row's own history, NaN where it has none."""
    whole = np.concatenate([np.full(STARTS[row], np.nan), reference])
    assert np.array_equal(np.isnan(ours[row]), np.isnan(whole))
    np.testing.assert_allclose(ours[row], whole, rtol=tolerance, atol=tolerance)


def own(candles: Ohlc, row: int) -> Ohlc:
    return Ohlc(*(np.ascontiguousarray(part[row, STARTS[row] :]) for part in candles))


@pytest.mark.parametrize("row", range(4))
def test_averages_and_oscillators_agree_with_talib(candles: Ohlc, row: int) -> None:
    _, high, low, close = own(candles, row)
    agree(ema(candles.close, 21), row, talib.EMA(close, 21))
    agree(ema(candles.close, 55), row, talib.EMA(close, 55))
    agree(rsi(candles.close), row, talib.RSI(close, 14))
    agree(atr(candles.high, candles.low, candles.close), row, talib.ATR(high, low, close, 14))
    agree(adx(candles.high, candles.low, candles.close), row, talib.ADX(high, low, close, 14))
    agree(rate_of_change(candles.close), row, talib.ROCP(close, 20))


@pytest.mark.parametrize("row", range(4))
def test_bollinger_agrees_with_talib(candles: Ohlc, row: int) -> None:
    close = own(candles, row).close
    upper, middle, lower = talib.BBANDS(close, 20, 2, 2)
    position, width = bollinger(candles.close)
    agree(position, row, (close - lower) / (upper - lower), 1e-6)
    agree(width, row, (upper - lower) / middle, 1e-6)  # TA-Lib takes the variance from sums of squares: fewer digits


@pytest.mark.parametrize("row", range(4))
def test_stochastic_rsi_agrees_with_talib(candles: Ohlc, row: int) -> None:
    strength = talib.RSI(own(candles, row).close, 14)[14:]
    k, d = talib.STOCH(strength, strength, strength, fastk_period=14, slowk_period=3, slowd_period=3)
    ours_k, ours_d = stoch_rsi(rsi(candles.close))
    front = np.full(14, np.nan)
    np.testing.assert_allclose(ours_d[row][STARTS[row] :], np.concatenate([front, d]), rtol=1e-9, atol=1e-7)
    later = slice(STARTS[row] + 14 + 17, None)  # TA-Lib leaves K out until D exists
    np.testing.assert_allclose(ours_k[row][later], k[17:], rtol=1e-9, atol=1e-7)


def naive_supertrend(high: Floats, low: Floats, close: Floats) -> tuple[list[float], list[int]]:
    """The textbook loop."""
    ranges = talib.ATR(high, low, close, 10)
    lines, sides = [], []
    upper = lower = float("nan")
    side = 0
    for i in range(len(close)):
        middle, band = (high[i] + low[i]) / 2, 3 * ranges[i]
        if np.isnan(band):
            lines.append(float("nan"))
            sides.append(0)
            continue
        if side == 0:
            lower, upper = middle - band, middle + band
            side = 1 if close[i] >= middle else -1
        else:
            lower = middle - band if middle - band > lower or close[i - 1] < lower else lower
            upper = middle + band if middle + band < upper or close[i - 1] > upper else upper
            if side == 1 and close[i] < lower:
                side = -1
            elif side == -1 and close[i] > upper:
                side = 1
        lines.append(lower if side == 1 else upper)
        sides.append(side)
    return lines, sides


@pytest.mark.parametrize("row", range(4))
def test_supertrend_agrees_with_the_textbook_loop(candles: Ohlc, row: int) -> None:
    _, high, low, close = own(candles, row)
    lines, sides = naive_supertrend(high, low, close)
    line, side = supertrend(candles.high, candles.low, candles.close)
    agree(line, row, np.array(lines))
    agree(side, row, np.array([float("nan") if s == 0 else s for s in sides], dtype=float))
    assert len({s for s in sides if s}) == 2  # the path has both sides


@pytest.mark.parametrize("row", range(4))
def test_realised_volatility_is_the_deviation_of_log_returns(candles: Ohlc, row: int) -> None:
    close = own(candles, row).close
    reference = [float("nan")] * 20 + [float(np.std(np.diff(np.log(close[i - 20 : i + 1])))) for i in range(20, len(close))]
    agree(realised_volatility(candles.close), row, np.array(reference))


def test_rank_counts_the_other_bars_below() -> None:
    values = np.array([[5.0, 1.0, 3.0, 2.0, 9.0, 0.0]])
    assert rolling_rank(values, 4)[0].tolist()[3:] == [1 / 3, 1.0, 0.0]
    assert np.isnan(rolling_rank(values, 4)[0][:3]).all()


def test_wickiness_by_hand() -> None:
    # ranges 10, bodies 10, 5, 0 -> wick shares 0, 0.5, 1; a bar without range counts 0
    opened, high = np.array([[0.0, 0.0, 5.0, 3.0]]), np.array([[10.0, 10.0, 10.0, 3.0]])
    low, close = np.array([[0.0, 0.0, 0.0, 3.0]]), np.array([[10.0, 5.0, 5.0, 3.0]])
    result = wickiness(opened, high, low, close)[0]
    assert result[2:] == pytest.approx([0.5, 0.5])
    assert np.isnan(result[:2]).all()


def test_a_price_that_never_moves_is_neutral() -> None:
    still = np.full((1, 60), 7.0)
    assert rsi(still)[0, -1] == 50
    assert stoch_rsi(rsi(still))[1][0, -1] == 50
    assert bollinger(still)[0][0, -1] == 0.5
    assert bollinger(still)[1][0, -1] == 0
    assert adx(still, still, still)[0, -1] == 0
