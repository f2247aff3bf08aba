from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.instrument import Instrument
from shared.domain.units import Price, Qty, Ratio, Usd
from shared.risk.sizing import Cap, Sized, SizingInput, SizingLimits, TooSmall, liquidation_gap, multiplier, safe_leverage, size
from tests.unit.risk.strategies import decimals, factors, limits, situations

D = Decimal

INSTRUMENT = Instrument(
    symbol="SOLUSDT",
    base="SOL",
    quote="USDT",
    status="TRADING",
    tick=D("0.01"),
    step=D("0.1"),
    min_price=Price(D("0.01")),
    max_price=Price(D(100_000)),
    min_qty=Qty(D("0.1")),
    max_qty=Qty(D(100_000)),
    market_step=D("0.1"),
    market_min_qty=Qty(D("0.1")),
    market_max_qty=Qty(D(5000)),
    min_notional=D(5),
    percent_up=D("1.05"),
    percent_down=D("0.95"),
)
LIMITS = SizingLimits(
    risk_per_trade=Ratio(D("0.01")),
    equity_fraction=Ratio(D("0.5")),
    max_open_risk=Ratio(D("0.05")),
    max_notional_usdt=Usd(D(0)),
    multiplier_floor=D("0.5"),
    multiplier_cap=D(2),
)
GIVEN = SizingInput(
    instrument=INSTRUMENT,
    equity=Usd(D(1000)),
    price=Price(D(100)),
    stop_distance=D(2),
    leverage=10,
    used_margin=Usd(D(0)),
    open_risk=Usd(D(0)),
    maintenance_ratio=Ratio(D("0.01")),
    raising={},
    reducing={},
)


def sized(given_: SizingInput = GIVEN, limits_: SizingLimits = LIMITS) -> Sized:
    outcome = size(given_, limits_)
    assert isinstance(outcome, Sized)
    return outcome


def bound(outcome: Sized | TooSmall) -> list[Cap]:
    return [cap.cap for cap in outcome.caps if cap.bound]


def test_the_loss_at_the_stop_is_the_planned_risk() -> None:
    got = sized()
    assert (got.quantity, got.notional, got.margin, got.risk) == (D(5), D(500), D(50), D(10))
    assert (got.multiplier, got.raw_quantity) == (D(1), D(5))
    assert bound(got) == []


def test_a_quantity_between_two_steps_goes_down() -> None:
    assert sized(replace(GIVEN, stop_distance=D("2.9"))).quantity == D("3.4")


@pytest.mark.parametrize(
    ("cap", "given_", "limits_", "quantity"),
    [
        (Cap.MAX_NOTIONAL, GIVEN, replace(LIMITS, max_notional_usdt=Usd(D(333))), "3.3"),
        (Cap.MARGIN, replace(GIVEN, used_margin=Usd(D(460))), LIMITS, "4"),
        (Cap.OPEN_RISK, replace(GIVEN, open_risk=Usd(D(43))), LIMITS, "3.5"),
        (Cap.VENUE_MAX_QTY, replace(GIVEN, instrument=replace(INSTRUMENT, market_max_qty=Qty(D(2)))), LIMITS, "2"),
    ],
)
def test_each_cap_binds_by_its_name(cap: Cap, given_: SizingInput, limits_: SizingLimits, quantity: str) -> None:
    got = sized(given_, limits_)
    assert got.quantity == D(quantity)
    assert bound(got) == [cap]


def test_the_venues_largest_order_is_told_as_the_limit() -> None:
    got = sized(replace(GIVEN, instrument=replace(INSTRUMENT, max_qty=Qty(D(3)))))
    (row,) = [cap for cap in got.caps if cap.bound]
    assert (row.cap, row.allowed, row.limit) == (Cap.VENUE_MAX_QTY, D(3), D(3))


def test_a_used_up_cap_leaves_nothing() -> None:
    for given_ in (replace(GIVEN, used_margin=Usd(D(700))), replace(GIVEN, open_risk=Usd(D(50)))):
        got = size(given_, LIMITS)
        assert isinstance(got, TooSmall)
        assert got.quantity == 0
        assert len(bound(got)) == 1


@pytest.mark.parametrize(
    ("instrument", "least"),
    [
        (replace(INSTRUMENT, min_notional=D(501)), "5.1"),
        (replace(INSTRUMENT, min_qty=Qty(D("5.1"))), "5.1"),
        (replace(INSTRUMENT, market_min_qty=Qty(D(6))), "6"),
    ],
)
def test_less_than_the_venue_takes_is_refused_not_rounded_up(instrument: Instrument, least: str) -> None:
    got = size(replace(GIVEN, instrument=instrument), LIMITS)
    assert isinstance(got, TooSmall)
    assert (got.quantity, got.least) == (D(5), D(least))


def test_nothing_is_too_small_even_when_the_venue_names_no_minimum() -> None:
    free = replace(INSTRUMENT, min_qty=Qty(D(0)), market_min_qty=Qty(D(0)), min_notional=D(0))
    assert isinstance(size(replace(GIVEN, instrument=free, reducing={"sentinel": D(0)}), LIMITS), TooSmall)


@pytest.mark.parametrize("field", ["equity", "price", "stop_distance"])
@pytest.mark.parametrize("value", ["0", "-1", "NaN", "Infinity"])
def test_numbers_that_mean_nothing_are_refused(field: str, value: str) -> None:
    changed: dict[str, Any] = {field: D(value)}
    with pytest.raises(ValueError, match="positive finite"):
        size(replace(GIVEN, **changed), LIMITS)


def test_leverage_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="leverage"):
        size(replace(GIVEN, leverage=0), LIMITS)


@pytest.mark.parametrize("value", ["-0.1", "NaN", "Infinity"])
def test_a_size_factor_that_means_nothing_is_refused_by_its_name(value: str) -> None:
    for raising, reducing in (({"bucket": D(value)}, {}), ({}, {"bucket": D(value)})):
        with pytest.raises(ValueError, match="bucket"):
            multiplier(raising, reducing, LIMITS)


def test_a_floor_never_undoes_a_brake() -> None:
    assert multiplier({"confidence": D("0.1")}, {}, LIMITS) == D("0.5")
    assert multiplier({"bucket": D("2.2"), "confidence": D("1.5")}, {}, LIMITS) == D(2)
    assert multiplier({"confidence": D("0.1")}, {"sentinel": D("0.2")}, LIMITS) == D("0.1")
    assert multiplier({}, {"sentinel": D(0)}, LIMITS) == 0
    assert multiplier({}, {"playbook": D("1.4")}, LIMITS) == D(1), "what reduces never raises"


@given(situations(), limits)
def test_a_size_keeps_every_promise(given_: SizingInput, limits_: SizingLimits) -> None:
    got = size(given_, limits_)
    budget = given_.equity * limits_.risk_per_trade * got.multiplier
    instrument = given_.instrument
    assert got.quantity >= 0
    assert got.quantity % instrument.step == 0
    if isinstance(got, TooSmall):
        assert got.quantity < got.least or got.quantity == 0
        return
    assert got.risk == got.quantity * given_.stop_distance <= budget
    assert got.risk + given_.open_risk <= limits_.max_open_risk * given_.equity
    assert got.margin + given_.used_margin <= limits_.equity_fraction * given_.equity
    assert limits_.max_notional_usdt == 0 or got.notional <= limits_.max_notional_usdt
    assert max(instrument.min_qty, instrument.market_min_qty) <= got.quantity <= min(instrument.max_qty, instrument.market_max_qty)
    assert got.notional >= instrument.min_notional


@given(situations(), limits)
def test_a_cap_that_cost_size_is_named_and_only_then(given_: SizingInput, limits_: SizingLimits) -> None:
    got = size(given_, limits_)
    raw = given_.equity * limits_.risk_per_trade * got.multiplier / given_.stop_distance
    least = min(cap.allowed for cap in got.caps)
    assert bool(bound(got)) == (least < raw)
    assert [cap.cap for cap in got.caps] == [cap for cap in Cap if cap in {row.cap for row in got.caps}], "in the documented order"


@given(situations(), limits, decimals("1", "4", 2))
def test_more_risk_never_shrinks_a_size(given_: SizingInput, limits_: SizingLimits, factor: Decimal) -> None:
    more = replace(limits_, risk_per_trade=Ratio(limits_.risk_per_trade * factor))
    assert size(given_, more).quantity >= size(given_, limits_).quantity


@given(situations(), limits, decimals("1", "4", 2))
def test_more_used_margin_or_open_risk_never_raises_a_size(given_: SizingInput, limits_: SizingLimits, more: Decimal) -> None:
    before = size(given_, limits_).quantity
    assert size(replace(given_, used_margin=Usd(given_.used_margin + more)), limits_).quantity <= before
    assert size(replace(given_, open_risk=Usd(given_.open_risk + more)), limits_).quantity <= before


@given(factors, factors, limits)
def test_reducing_factors_reduce_whatever_the_floor(
    raising: dict[str, Decimal], reducing: dict[str, Decimal], limits_: SizingLimits
) -> None:
    without = multiplier(raising, {}, limits_)
    got = multiplier(raising, reducing, limits_)
    assert limits_.multiplier_floor <= without <= limits_.multiplier_cap
    assert 0 <= got <= without * min((Decimal(1), *reducing.values()))


@given(decimals("1", "50000", 2), decimals("0.001", "0.4", 3), st.integers(1, 125), decimals("0.004", "0.1", 3))
def test_the_leverage_keeps_the_liquidation_beyond_the_stop(price: Decimal, share: Decimal, wanted: int, maintenance: Decimal) -> None:
    distance = price * share
    got = safe_leverage(Price(price), distance, wanted, Ratio(maintenance))
    assert 1 <= got <= wanted
    if got > 1:
        assert liquidation_gap(Price(price), distance, got, Ratio(maintenance)) >= Decimal("0.25")
    if got < wanted:
        assert liquidation_gap(Price(price), distance, got + 1, Ratio(maintenance)) < Decimal("0.25")


def test_the_liquidation_gap_by_hand() -> None:
    # 10x with 1 % maintenance: liquidated after 9 % = 9; the stop is at 2: 7 further, 3.5 stop distances.
    assert liquidation_gap(Price(D(100)), D(2), 10, Ratio(D("0.01"))) == D("3.5")
    assert safe_leverage(Price(D(100)), D(2), 125, Ratio(D("0.01"))) == 28
    assert liquidation_gap(Price(D(100)), D(90), 1, Ratio(D("0.01"))) < D("0.25"), "even 1x can be too near: the caller asks"
