"""Protective orders of an earlier life: their names are not those of new orders, and the position is never bare."""

from decimal import Decimal

import pytest

from shared.contracts.order import Leg
from shared.domain.errors import OrderRejected, Transient
from shared.domain.order import OrderType, client_id
from shared.domain.units import Price, Qty
from shared.risk.bracket import bridge_request, stop_request
from shared.risk.gate import Approved, protective
from tests.integration.executor.test_partial import LIMIT, SYMBOL, booked, check_bracket, legs, rest, watch_stops
from tests.integration.executor.world import is_stop, world

pytestmark = pytest.mark.integration


async def test_what_a_swap_before_a_crash_left_resting_is_not_taken_for_the_next_ones_bridge() -> None:
    async with world(**LIMIT) as w, w.life() as life, life.listening():
        name = await rest(life)
        order = w.resting(client_id(name, "e"))
        first = w.serve(order, "0.5")
        before = await booked(life, name, first)
        assert before.stop_price is not None
        left = bridge_request(SYMBOL, before.direction, before.stop_price, Qty(first / 2), client_id(name, "s", 1))
        approved = protective(left, direction=before.direction, position_quantity=before.quantity, epoch=1)
        assert isinstance(approved, Approved)
        await life.parts.private.place(approved)
        watched = watch_stops(w)
        quantity = first + w.serve(order, "0.5", str(order.price * Decimal("0.99")))
        after = await booked(life, name, quantity)
        await check_bracket(life, after)
        assert after.anchors == 2, "the number of what rests is used up, though no record tells of it"
        assert min(watched) >= 1, "a moment without a stop"


@pytest.mark.parametrize(("status", "error"), [("elsewhere", OrderRejected), ("over", Transient)])
async def test_a_protective_order_that_only_has_the_name_protects_nothing(status: str, error: type[Exception]) -> None:
    async with world(**LIMIT) as w, w.life() as life, life.listening():
        name = await rest(life)
        record = await booked(life, name, w.serve(w.resting(client_id(name, "e")), "0.5"))
        (stop,) = await legs(life, OrderType.STOP_MARKET)
        if status == "over":
            await life.parts.private.cancel(SYMBOL, order=stop)
            w.transport.hook = lambda request: "lose_request" if is_stop(request) else None
        assert record.stop_price is not None
        away = 0 if status == "over" else 10 * life.parts.opening.instruments[SYMBOL].tick
        wanted = stop_request(SYMBOL, record.direction, Price(record.stop_price - away), name, 0)
        with pytest.raises(error):
            await life.parts.protection.place(record, Leg.STOP, wanted, record.quantity)
