from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.instrument import Instrument
from shared.domain.order import Direction, OrderType
from shared.domain.units import Price, Qty
from shared.risk.bracket import bracket_prices, bridge_request, initial_risk, stop_request, target_request
from shared.risk.gate import Approved, Refused, protective
from tests.unit.risk.strategies import instruments
from tests.unit.risk.test_sizing import INSTRUMENT

directions = st.sampled_from(Direction)
shares = st.decimals("0.001", "0.3", places=4)


@st.composite
def markets(draw: st.DrawFn) -> tuple[Instrument, Decimal]:
    """A contract, and a price of it that its tick can show in some detail."""
    instrument = draw(instruments())
    return instrument, instrument.tick * draw(st.integers(10_000, 10**8))


@given(markets(), directions, shares, shares)
def test_the_loss_at_the_stop_is_never_more_than_planned_and_less_than_a_tick_below(
    market: tuple[Instrument, Decimal], direction: Direction, stop_share: Decimal, target_share: Decimal
) -> None:
    instrument, entry = market
    stop, target = entry * stop_share, entry * target_share
    prices = bracket_prices(instrument, direction, Price(entry), stop, target)
    loss = (entry - prices.stop) * direction.sign
    gain = (prices.target - entry) * direction.sign
    assert stop - instrument.tick < loss <= stop
    assert target - instrument.tick < gain <= target
    assert prices.stop % instrument.tick == prices.target % instrument.tick == 0
    assert initial_risk(Price(entry), prices.stop, Qty(Decimal(3))) <= 3 * stop


@given(markets(), directions, shares, st.lists(st.tuples(st.decimals("0.9", "1.1", places=3), st.integers(1, 50)), min_size=1, max_size=8))
def test_after_each_partial_fill_the_bracket_around_the_average_risks_no_more_than_planned(
    market: tuple[Instrument, Decimal], direction: Direction, share: Decimal, parts: list[tuple[Decimal, int]]
) -> None:
    instrument, price = market
    distance = price * share / 2
    bought, cost = Decimal(0), Decimal(0)
    for factor, quantity in parts:
        bought, cost = bought + quantity, cost + quantity * price * factor
        average = Price(cost / bought)
        prices = bracket_prices(instrument, direction, average, distance, distance)
        assert initial_risk(average, prices.stop, Qty(bought)) <= distance * bought * (1 + Decimal("1e-20"))


@pytest.mark.parametrize(("stop", "target"), [("0", "1"), ("1", "0"), ("-1", "1"), ("0.001", "1")])
def test_distances_that_mean_nothing_are_refused(stop: str, target: str) -> None:
    with pytest.raises(ValueError, match="distances"):
        bracket_prices(INSTRUMENT, Direction.LONG, Price(Decimal(100)), Decimal(stop), Decimal(target))


@pytest.mark.parametrize("direction", list(Direction))
def test_protective_orders_reduce_and_a_bridge_covers_no_more_than_its_quantity(direction: Direction) -> None:
    price, quantity = Price(Decimal(90)), Qty(Decimal(2))
    closing = [stop_request("X", direction, price, "abcdefghij", 0), target_request("X", direction, price, "abcdefghij", 0)]
    bridge = bridge_request("X", direction, price, quantity, "mr-abcdefghij-s1")
    for request in (*closing, bridge):
        assert isinstance(protective(request, direction=direction, position_quantity=quantity, epoch=1), Approved)
    assert (bridge.type, bridge.quantity, bridge.reduce_only, bridge.close_position) == (OrderType.STOP_MARKET, quantity, True, False)
    less = Qty(Decimal(1))
    assert isinstance(protective(bridge, direction=direction, position_quantity=less, epoch=1), Refused)
