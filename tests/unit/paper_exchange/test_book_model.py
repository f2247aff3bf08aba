"""The modelled book: spread and depth from volume and volatility."""

import numpy as np
import pytest

from services.paper_exchange.logic.book_model import BEST_SHARE, BookModel
from services.paper_exchange.logic.candles import Grid

WIDTH = 300
TICK, STEP = 0.001, 0.001


def grid(*, turnover: float, ranges: list[float], usual: float = 0.001, width: int = WIDTH) -> Grid:
    """One contract at 100 in five-minute candles; `turnover` a day in quote units, the last ranges as shares of the price."""
    one = np.full((1, width), 100.0)
    reach = np.full(width, usual)
    reach[width - len(ranges) :] = ranges
    quote = np.full((1, width), turnover / 288)
    high = one * (1 + reach)
    no_trades = np.full((1, width), -1, dtype=np.int32)
    prices = {"open": one, "high": high, "low": one.copy(), "close": one.copy()}
    return Grid(symbols=("A",), interval="5m", interval_ms=300_000, start_ms=0, **prices, volume=quote / 100, quote=quote, trades=no_trades)


def book(data: Grid, column: int = WIDTH) -> tuple[float, float, float, float]:
    model = BookModel(data, np.array([TICK]), np.array([STEP]))
    return model.book(0, 100.0, (column, np.array([100.0])), 0)


def basis(found: tuple[float, float, float, float]) -> float:
    return (found[2] - found[0]) / 100 * 1e4


@pytest.mark.parametrize(("millions", "expected"), [(20_000, 0.14), (50, 2.83), (5, 8.94), (0.1, 30.0)])
def test_spread_follows_volume(millions: float, expected: float) -> None:
    assert basis(book(grid(turnover=millions * 1e6, ranges=[0.001]))) == pytest.approx(expected, abs=0.1)


def test_a_wild_hour_widens_the_spread_and_thins_the_book() -> None:
    calm, wild = grid(turnover=50e6, ranges=[0.001]), grid(turnover=50e6, ranges=[0.004] * 12)
    usual = (288 - 12) / 288 * 0.001 + 12 / 288 * 0.004
    restless = (0.004 / usual) ** 0.5
    assert basis(book(wild)) / basis(book(calm)) == pytest.approx(restless, rel=0.03)
    assert book(calm)[1] / book(wild)[1] == pytest.approx(restless, rel=0.03)


def test_restlessness_has_bounds() -> None:
    calm = basis(book(grid(turnover=50e6, ranges=[0.001])))
    assert basis(book(grid(turnover=50e6, ranges=[0.5] * 12))) == pytest.approx(2 * calm, rel=0.03)
    assert basis(book(grid(turnover=50e6, ranges=[0.0] * 12))) == pytest.approx(calm, rel=0.03)
    assert basis(book(grid(turnover=50e6, ranges=[0.00001] * 12))) == pytest.approx(0.7 * calm, rel=0.03)


def test_depth_is_a_share_of_the_days_volume() -> None:
    found = book(grid(turnover=50e6, ranges=[0.001]))
    middle = 50e6 * BEST_SHARE / 100
    for quantity in (found[1], found[3]):
        assert 0.59 * middle <= quantity <= 1.41 * middle


def test_less_than_a_day_of_data_is_scaled_up() -> None:
    data = grid(turnover=50e6, ranges=[0.001])
    assert basis(book(data, 30)) == pytest.approx(basis(book(data)), rel=0.03)


def test_without_any_data_there_is_a_book_all_the_same() -> None:
    data = grid(turnover=50e6, ranges=[0.001])
    assert basis(book(data, 0)) == pytest.approx(30.0, abs=0.1)
    data.quote[:], data.close[:] = np.nan, np.nan
    assert basis(book(data)) == pytest.approx(30.0, abs=0.1)


def test_the_candle_in_progress_and_the_future_do_not_count() -> None:
    data = grid(turnover=50e6, ranges=[0.001])
    before = book(data, 200)
    data.high[:, 200:], data.quote[:, 200:] = 1e6, 1e12
    assert book(data, 200) == before
