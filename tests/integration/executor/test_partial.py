"""Entries that are filled in parts: each part is protected at once, and the bracket stands around the average of all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest

from services.executor import opening
from services.executor.logic.announce import MOVED_STOP
from services.executor.logic.record import Record
from shared.contracts.order import ExitReason
from shared.domain.order import OrderType, VenueOrder, client_id
from shared.risk.bracket import stop_request
from shared.risk.gate import Approved, protective
from tests.fakes.eventually import eventually
from tests.integration.executor.world import Life, World, is_entry, refusal, world

pytestmark = pytest.mark.integration

LIMIT = {"ASTER_ENTRY_TYPE": "limit", "ASTER_ENTRY_LIMIT_SECONDS": "60", "ASTER_RECV_WINDOW": "100"}
SYMBOL = "BTCUSDT"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "FILL_WAIT_S", 0.05)


@pytest.fixture
async def w() -> AsyncIterator[World]:
    async with world(**LIMIT) as made:
        yield made


async def legs(life: Life, kind: OrderType) -> list[VenueOrder]:
    return [order for order in await life.parts.private.open_orders(SYMBOL) if order.type is kind]


async def rest(life: Life, away: float = 0.98) -> str:
    """A buy that waits in the book, two percent below the market; its decision."""
    plan, meta = life.world.plan(SYMBOL)
    plan = plan.model_copy(update={"price": plan.price * away})
    await life.parts.entries.on_plan(plan, meta)
    assert (await life.intent(meta.decision_id))["step"] == "resting"
    return meta.decision_id


def record_of(life: Life, name: str) -> Record | None:
    return life.parts.book.of(name, SYMBOL)


async def booked(life: Life, name: str, quantity: Decimal) -> Record:
    """The record once the fills are in it and its bracket stands."""

    def ready() -> Record | None:
        record = record_of(life, name)
        stands = not life.parts.book.bracket(SYMBOL).pending and life.ctx.activity.snapshot()["busy"] == 0
        return record if record is not None and record.entry_quantity == quantity and record.stop_price is not None and stands else None

    found: Record | None = await eventually(ready, within_s=5)
    assert found is not None
    return found


async def check_bracket(life: Life, record: Record) -> None:
    """One closing stop and one closing target, at the planned distances from the average; the risk is no more than planned."""
    entry, planned = record.entry_price, record.planned
    assert entry is not None
    assert record.stop_price is not None
    assert record.target_price is not None
    assert planned.stop_distance is not None
    assert planned.target_distance is not None
    (stop,), (target,) = await legs(life, OrderType.STOP_MARKET), await legs(life, OrderType.TAKE_PROFIT_MARKET)
    assert (stop.trigger_price, stop.close_position) == (record.stop_price, True)
    assert (target.trigger_price, target.close_position) == (record.target_price, True)
    tick = life.parts.opening.instruments[SYMBOL].tick
    assert 0 <= planned.stop_distance - (entry - record.stop_price) < tick + Decimal("1e-9")
    assert 0 <= planned.target_distance - (record.target_price - entry) < tick + Decimal("1e-9")
    assert record.initial_risk is not None
    assert abs(record.initial_risk - (entry - record.stop_price) * record.entry_quantity) < Decimal("1e-6")
    assert record.initial_risk <= planned.stop_distance * record.entry_quantity


async def test_a_part_is_kept_and_protected_and_the_time_limit_cancels_the_rest(w: World) -> None:
    async with w.life() as life, life.listening():
        name = await rest(life)
        order = w.resting(client_id(name, "e"))
        quantity = w.serve(order, "0.4")
        record = await booked(life, name, quantity)
        await check_bracket(life, record)
        assert (await life.intent(name))["step"] == "resting"
        life.parts.resting.on_time((await life.intent(name))["deadline_ms"])
        done = await eventually(lambda: _done(life, name), within_s=5)
        assert done["outcome"] == "opened"
        last = done["told"][-1]["event"]
        assert (last["event"], last["reason"], last["filled"]) == ("cancelled", "time_limit", str(quantity))
        assert w.resting(client_id(name, "e")).status.value == "CANCELED"
        after = record_of(life, name)
        assert after is not None
        assert after.quantity == quantity == (await life.positions())[SYMBOL].amount
        await check_bracket(life, after)
        assert list(await life.ctx.state.exposure_entries()) == [name]


async def _done(life: Life, name: str) -> dict[str, Any] | None:
    intent = await life.intent(name)
    return intent if intent["step"] == "done" else None


async def test_the_stop_covers_each_further_part_without_being_touched(w: World) -> None:
    async with w.life() as life, life.listening():
        name = await rest(life)
        order = w.resting(client_id(name, "e"))
        total = order.quantity
        first = w.serve(order, "0.3")
        await booked(life, name, first)
        (stop,) = await legs(life, OrderType.STOP_MARKET)
        second = w.serve(order, "0.5")
        await check_bracket(life, await booked(life, name, first + second))
        w.serve(order, "1")
        record = await booked(life, name, total)
        await check_bracket(life, record)
        (same,) = await legs(life, OrderType.STOP_MARKET)
        assert same.client_id == stop.client_id
        assert record.anchors == 0
        assert (await eventually(lambda: _done(life, name)))["outcome"] == "opened"


@pytest.mark.parametrize("shift", [Decimal("0.99"), Decimal("1.012")])
async def test_a_part_at_another_price_moves_both_legs_to_the_new_average_and_never_leaves_the_position_bare(
    w: World, shift: Decimal
) -> None:
    async with w.life() as life, life.listening():
        name = await rest(life)
        order = w.resting(client_id(name, "e"))
        first = w.serve(order, "0.5")
        before = await booked(life, name, first)
        watched = watch_stops(w)
        second = w.serve(order, "0.5", str(order.price * shift))
        after = await booked(life, name, first + second)
        assert after.stop_price is not None
        assert before.stop_price is not None
        assert (after.stop_price > before.stop_price) is (shift > 1)
        assert after.anchors == 1
        await check_bracket(life, after)
        assert min(watched) >= 1, "a moment without a stop"
        w.serve(order, "1", str(order.price * shift))
        last = await booked(life, name, order.quantity)
        assert last.anchors == 2
        await check_bracket(life, last)


def watch_stops(w: World) -> list[int]:
    """How many stops rest at the venue before each request from now on."""
    account = next(iter(w.exchange.desk.accounts.values()))
    seen: list[int] = []

    def count(_request: httpx.Request) -> None:
        seen.append(sum(order.type is OrderType.STOP_MARKET for order in account.open_algos()))

    w.transport.hook = count
    return seen


async def test_a_stop_of_the_new_average_that_is_already_passed_closes_the_position(w: World) -> None:
    async with w.life() as life, life.listening():
        name = await rest(life)
        order = w.resting(client_id(name, "e"))
        await booked(life, name, w.serve(order, "0.1"))
        w.serve(order, "0.9", str(order.price * Decimal("1.06")))
        await eventually(lambda: _flat(life), within_s=5, what="closed, because the plan's stop would have been hit")
        assert w.bus.of("alert")[0].code == "stop_impossible"
        w.serve(order, "1")
        await eventually(lambda: life.ctx.activity.snapshot()["busy"] == 0)


async def _flat(life: Life) -> bool:
    return not await life.positions() and bool(life.world.bus.of("trade.closed"))


@pytest.mark.parametrize("lost", ["bridge", "closing"])
async def test_a_swap_that_fails_half_way_leaves_a_stop_and_the_wanted_prices(w: World, lost: str) -> None:
    async with w.life() as life, life.listening():
        name = await rest(life)
        order = w.resting(client_id(name, "e"))
        first = w.serve(order, "0.5")
        await booked(life, name, first)
        whole = "true" if lost == "closing" else "false"

        def hook(request: httpx.Request) -> httpx.Response | None:
            params = request.url.params
            stop = params.get("type") == "STOP_MARKET" and request.method == "POST"
            return refusal(-4045) if stop and params.get("closePosition", "false") == whole else None

        w.transport.hook = hook
        second = w.serve(order, "0.5", str(order.price * Decimal("0.99")))
        record = await booked(life, name, first + second)
        (stop,) = await legs(life, OrderType.STOP_MARKET)
        assert stop.close_position is (lost == "bridge")
        assert record.stop_price is not None
        assert (stop.trigger_price == record.stop_price) is (lost == "closing")
        assert len(await life.positions()) == 1


@pytest.mark.parametrize("lost", ["bridge", "closing"])
async def test_a_swap_that_an_earlier_life_left_half_way_is_finished_by_the_next(w: World, lost: str) -> None:
    async with w.life() as life, life.listening():
        name = await rest(life)
        order = w.resting(client_id(name, "e"))
        first = w.serve(order, "0.5")
        await booked(life, name, first)
        whole = "true" if lost == "closing" else "false"
        w.transport.hook = lambda request: (
            refusal(-4045)
            if request.method == "POST"
            and request.url.params.get("type") == "STOP_MARKET"
            and request.url.params.get("closePosition", "false") == whole
            else None
        )
        quantity = first + w.serve(order, "0.5", str(order.price * Decimal("0.99")))
        await booked(life, name, quantity)
    w.transport.hook = lambda _request: None
    async with w.life() as life:
        intent = life.parts.intents.unfinished[name]
        async with life.parts.book.lock(SYMBOL):
            await life.parts.opening.resume(intent)
        record = record_of(life, name)
        assert record is not None
        await check_bracket(life, record)
        sent = len(w.transport.sent)
        async with life.parts.book.lock(SYMBOL):
            await life.parts.opening.resume(intent)
        assert not [request for request in w.transport.sent[sent:] if not request.startswith("GET")], "a bracket that stands is left alone"


async def test_a_stop_that_the_guard_had_moved_closer_is_not_loosened(w: World) -> None:
    async with w.life() as life, life.listening():
        name = await rest(life)
        order = w.resting(client_id(name, "e"))
        first = w.serve(order, "0.5")
        record = await booked(life, name, first)
        (old,) = await legs(life, OrderType.STOP_MARKET)
        await life.parts.private.cancel(SYMBOL, order=old)
        assert record.stop_price is not None
        instrument = life.parts.opening.instruments[SYMBOL]
        closer = stop_request(SYMBOL, record.direction, type(record.stop_price)(record.stop_price + 50 * instrument.tick), name, MOVED_STOP)
        approved = protective(closer, direction=record.direction, position_quantity=record.quantity, epoch=1)
        assert isinstance(approved, Approved)
        await life.parts.private.place(approved)
        second = w.serve(order, "0.5", str(order.price * Decimal("0.99")))
        after = await booked(life, name, first + second)
        (stop,) = await legs(life, OrderType.STOP_MARKET)
        assert stop.client_id == client_id(name, "s", MOVED_STOP)
        (target,) = await legs(life, OrderType.TAKE_PROFIT_MARKET)
        assert target.trigger_price == after.target_price


Edit = Callable[[dict[str, Any]], dict[str, Any]]


def answers_early(w: World, change: Edit) -> None:
    """The answer of an entry is that of a moment before its last fills."""

    def edit(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if not is_entry(request) or answer.status_code != httpx.codes.OK:
            return answer
        return httpx.Response(200, content=orjson.dumps(change(orjson.loads(answer.content))))

    w.transport.edit = edit


def half(answer: dict[str, Any]) -> dict[str, Any]:
    """Half of it was bought so far, one percent dearer than all of it."""
    price = Decimal(answer["avgPrice"]) * Decimal("1.01")
    part = Decimal(answer["executedQty"]) / 2
    return {**answer, "status": "PARTIALLY_FILLED", "executedQty": str(part), "avgPrice": str(price), "cumQuote": str(price * part)}


def nothing_yet(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "status": "NEW", "executedQty": "0", "avgPrice": "0", "cumQuote": "0"}


@pytest.mark.parametrize(("change", "anchors"), [(half, 1), (nothing_yet, 0)])
async def test_a_market_entry_whose_answer_came_before_its_last_fills_ends_with_the_bracket_of_its_average(
    change: Edit, anchors: int
) -> None:
    async with world(ASTER_RECV_WINDOW="100") as w, w.life() as life, life.listening():
        answers_early(w, change)
        name, told = await life.take()
        assert told[-1] == "accepted"
        record = await booked(life, name, Decimal((await life.positions())[SYMBOL].amount))
        assert record.anchors == anchors
        await check_bracket(life, record)


async def test_a_fee_in_bnb_is_priced_by_the_venues_mark_and_one_in_an_unlisted_asset_is_told_as_unknown() -> None:
    for asset, quote in (("ETH", True), ("XYZ", False)):
        async with world(ASTER_RECV_WINDOW="100") as w, w.life() as life:
            w.transport.edit = paid_in(asset)
            await life.take()
            seen = (await life.positions())[SYMBOL]
            await life.close(SYMBOL)
            await life.parts.reconciler.run()
            (trade,) = await eventually(lambda w=w: w.bus.of("trade.closed"))  # type: ignore[misc]
            if quote:
                price = Decimal(repr(float(w.exchange.desk.market.quote("ETHUSDT").mark)))
                assert abs(trade.fees_usd - 2 * Decimal("0.0001") * price) < Decimal("0.001") * price
                assert trade.unpriced_fees == ()
            else:
                assert (trade.fees_usd, trade.unpriced_fees) == (0, ("0.0002 XYZ",))
            assert trade.net_usd == trade.gross_usd - trade.fees_usd
            assert trade.exit_reason is ExitReason.MANUAL
            assert seen.quantity == trade.quantity


def paid_in(asset: str) -> Callable[[httpx.Request, httpx.Response], httpx.Response]:
    """Every execution was charged 0.0001 of an asset."""

    def edit(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if not request.url.path.endswith("/userTrades"):
            return answer
        rows = orjson.loads(answer.content)
        # a market order that walked several levels has several executions: one of each order carries the fee
        firsts = {row["orderId"]: row["id"] for row in reversed(rows)}
        for row in rows:
            row |= {"commissionAsset": asset, "commission": "0.0001" if firsts[row["orderId"]] == row["id"] else "0"}
        return httpx.Response(200, content=orjson.dumps(rows))

    return edit


async def test_a_burst_of_foreign_fills_is_reconciled_once(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with w.life() as life, life.listening():
        runs: list[int] = []
        real = life.parts.reconciler.run

        async def counted() -> Any:
            runs.append(1)
            return await real()

        monkeypatch.setattr(life.parts.reconciler, "run", counted)
        from tests.integration.executor.test_outcomes import open_by_hand  # noqa: PLC0415 - one helper

        await asyncio.gather(*(open_by_hand(life, symbol, "1") for symbol in ("SOLUSDT", "ETHUSDT", "SOLUSDT", "ETHUSDT", "SOLUSDT")))
        await eventually(lambda: set(life.parts.book.records) == {"SOLUSDT", "ETHUSDT"}, within_s=5)
        await eventually(lambda: life.ctx.activity.snapshot()["busy"] == 0, within_s=5)
        assert len(runs) == 1
