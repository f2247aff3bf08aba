from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain.instrument import Instrument, Rounding
from shared.domain.units import Price, Qty
from tests.unit.risk.strategies import decimals, instruments

D = Decimal
PRICES = st.one_of(decimals("0.00000001", "10000000", 8), st.floats(1e-6, 1e7))
NOT_NUMBERS = [float("nan"), float("inf"), -float("inf"), D("NaN"), D("sNaN"), D("Infinity"), D("-Infinity")]


def instrument(**changes: object) -> Instrument:
    values: dict[str, object] = {
        "symbol": "BTCUSDT",
        "base": "BTC",
        "quote": "USDT",
        "status": "TRADING",
        "tick": D("0.10"),
        "step": D("0.001"),
        "min_price": D("0.1"),
        "max_price": D(10**6),
        "min_qty": D("0.001"),
        "max_qty": D(1000),
        "market_step": D("0.01"),
        "market_min_qty": D("0.02"),
        "market_max_qty": D(120),
        "min_notional": D(5),
        "percent_up": D("1.05"),
        "percent_down": D("0.95"),
    }
    return Instrument(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "rounding", "expected"),
    [
        (D("100.16"), Rounding.DOWN, "100.1"),
        (D("100.16"), Rounding.UP, "100.2"),
        (D("100.16"), Rounding.NEAREST, "100.2"),
        (D("100.15"), Rounding.NEAREST, "100.2"),
        (D("100.25"), Rounding.NEAREST, "100.2"),
        (D("100.1"), Rounding.UP, "100.1"),
        (0.1 + 0.2, Rounding.UP, "0.4"),
        (0.3, Rounding.UP, "0.3"),
        (7, Rounding.DOWN, "7"),
        (np.float64(100.16), Rounding.DOWN, "100.1"),
        (np.float32(0.5), Rounding.DOWN, "0.5"),
    ],
)
def test_a_price_snaps_to_the_tick(value: float | Decimal, rounding: Rounding, expected: str) -> None:
    assert instrument().price(value, rounding) == D(expected)


@pytest.mark.parametrize("value", [*NOT_NUMBERS, 0, 0.0, -1.0, D(-1), np.float64("nan")])
def test_a_price_that_is_none_is_refused(value: float | Decimal) -> None:
    for rounding in Rounding:
        with pytest.raises(ValueError, match="finite number"):
            instrument().price(value, rounding)


def test_a_price_below_a_tick_does_not_become_zero() -> None:
    with pytest.raises(ValueError, match="at least one tick"):
        instrument().price(D("0.05"), Rounding.DOWN)
    assert instrument().price(D("0.05"), Rounding.UP) == D("0.1")


@given(instruments(), PRICES, st.sampled_from(Rounding))
def test_snapping_a_price_is_idempotent_and_moves_less_than_a_tick(it: Instrument, value: float | Decimal, rounding: Rounding) -> None:
    exact = value if isinstance(value, Decimal) else D(repr(value))
    assume(exact >= it.tick)
    snapped = it.price(value, rounding)
    assert it.price(snapped, rounding) == snapped
    assert snapped % it.tick == 0
    assert abs(snapped - exact) < it.tick
    assert snapped <= exact if rounding is Rounding.DOWN else True
    assert snapped >= exact if rounding is Rounding.UP else True


@pytest.mark.parametrize(
    ("value", "market", "expected"),
    [
        (D("1.2349"), False, "1.234"),
        (D("1.2349"), True, "1.23"),
        (1.2349, False, "1.234"),
        (D(0), False, "0"),
        (D("0.0009"), False, "0"),
        (D(5000), False, "1000"),
        (D(5000), True, "120"),
        (np.float64(0.5), True, "0.5"),
    ],
)
def test_a_quantity_goes_down_to_the_step(value: float | Decimal, market: bool, expected: str) -> None:  # noqa: FBT001
    assert instrument().quantity(value, market=market) == D(expected)


@pytest.mark.parametrize("value", [*NOT_NUMBERS, -0.1, D("-0.1")])
def test_a_quantity_that_is_none_is_refused(value: float | Decimal) -> None:
    with pytest.raises(ValueError, match="finite number"):
        instrument().quantity(value)


@given(instruments(), st.one_of(decimals("0", "100000000", 8), st.floats(0, 1e8)), st.booleans())
def test_a_quantity_is_never_rounded_up(it: Instrument, value: float | Decimal, market: bool) -> None:  # noqa: FBT001
    got = it.quantity(value, market=market)
    exact = value if isinstance(value, Decimal) else D(repr(value))
    assert 0 <= got <= exact
    assert got <= it.max_qty
    assert got % it.step == 0
    assert it.quantity(got, market=market) == got
    if exact <= min(it.max_qty, it.market_max_qty):
        assert exact - got < it.step


@given(instruments(), decimals("0.0001", "100000", 4), st.booleans())
def test_the_smallest_quantity_is_the_first_that_passes(it: Instrument, price: Decimal, market: bool) -> None:  # noqa: FBT001
    def passes(quantity: Decimal) -> bool:
        least = max(it.min_qty, it.market_min_qty) if market else it.min_qty
        return quantity >= least and quantity * price >= it.min_notional

    got = it.smallest_qty(price, market=market)
    assert passes(got)
    assert not passes(got - it.step)


def test_trading_is_a_status() -> None:
    assert instrument().trading
    assert not instrument(status="SETTLING").trading
    assert Price(D(1)) == Qty(D(1))
