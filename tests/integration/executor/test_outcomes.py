"""Every way an entry can end, against the real rules of the paper venue."""

import asyncio
from decimal import Decimal

import httpx
import pytest

from services.executor import opening
from services.executor.steps import Moment
from shared.contracts.control import Command
from shared.contracts.order import ExitReason
from tests.integration.executor.world import Died, Life, World, dies_at, is_entry, is_stop, refusal, words, world

pytestmark = pytest.mark.integration

FAST = {"ASTER_RECV_WINDOW": "100"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No user stream here: executions are read at once."""
    monkeypatch.setattr(opening, "FILL_WAIT_S", 0.01)


def entries(w: World) -> list[object]:
    account = next(iter(w.exchange.desk.accounts.values()))
    return [order for order in account.orders.values() if order.client_id.endswith("-e")]


async def nothing_left(life: Life) -> bool:
    return not await life.ctx.state.exposure_entries() and not life.parts.book.records and not await life.positions()


async def settle(life: Life) -> None:
    """Wait for chores and outbox."""
    for _ in range(500):
        await asyncio.sleep(0.005)
        if life.ctx.activity.snapshot()["busy"] == 0:
            return
    raise AssertionError(f"still busy: {life.ctx.activity.snapshot()}")


async def test_a_take_becomes_a_protected_position_and_is_told_again_without_a_second_order() -> None:
    async with world() as w, w.life() as life:
        plan, meta = w.plan()
        told = await life.parts.entries.on_plan(plan, meta)
        assert words(told) == ["intent", "submitted", "accepted"]
        assert await life.stops() == 1
        assert list(await life.ctx.state.exposure_entries()) == [meta.decision_id]
        assert words(await life.parts.entries.on_plan(plan, meta)) == words(told)
        assert len(entries(w)) == 1
        record = life.parts.book.records["BTCUSDT"]
        assert record.stop_price is not None
        assert record.entry_price is not None
        risk = abs(record.entry_price - record.stop_price) * record.quantity
        assert record.initial_risk == risk
        assert risk <= Decimal(10_000) * Decimal("0.007")


@pytest.mark.parametrize(
    ("answer", "last", "outcome"),
    [
        (refusal(-2019, message="Margin is insufficient."), "rejected margin_insufficient", "rejected"),
        (refusal(-1121), "rejected symbol_unknown", "rejected"),
        (refusal(-2015, 401), "rejected credentials_refused", "rejected"),
        (httpx.Response(429, headers={"Retry-After": "1"}, content=b'{"code":-1003,"msg":"x"}'), "refused weight_limit", "refused"),
    ],
)
async def test_what_the_venue_turns_away_leaves_nothing_behind(answer: httpx.Response, last: str, outcome: str) -> None:
    async with world(**FAST) as w, w.life() as life:
        w.transport.hook = lambda request: answer if is_entry(request) else None
        name, told = await life.take()
        assert told[-1] == last
        assert (await life.intent(name))["outcome"] == outcome
        w.transport.hook = lambda _request: None
        assert await life.ctx.state.exposure_entries() == {}
        assert life.parts.book.records == {}
        assert entries(w) == []


@pytest.mark.parametrize(
    ("fault", "outcome", "count"),
    [("lose_answer", "opened", 1), ("lose_request", "not_executed", 0), (refusal(-1000, 503), "not_executed", 0)],
)
async def test_an_unknown_outcome_is_asked_for_and_never_sent_again(fault: httpx.Response | str, outcome: str, count: int) -> None:
    async with world(**FAST) as w, w.life() as life:
        w.transport.hook = lambda request: fault if is_entry(request) else None
        name, told = await life.take()
        assert "unknown" in told[2]
        assert (await life.intent(name))["outcome"] == outcome
        assert len(entries(w)) == count
        assert w.transport.sent.count("POST /fapi/v1/order") == 1
        assert await life.stops() == count


@pytest.mark.parametrize("code", [-2021, -4045])
async def test_a_position_that_can_have_no_stop_is_closed_with_an_alert(code: int) -> None:
    async with world(**FAST) as w, w.life() as life:
        w.transport.hook = lambda request: refusal(code) if is_stop(request) else None
        await life.take()
        assert await life.positions() == {}
        await settle(life)
        assert [alert.code for alert in w.bus.of("alert")] == ["stop_impossible"]
        (trade,) = w.bus.of("trade.closed")
        assert trade.exit_reason is ExitReason.EMERGENCY
        assert await nothing_left(life)


async def test_a_stop_whose_answer_is_lost_is_found_and_not_doubled() -> None:
    async with world(**FAST) as w, w.life() as life:
        w.transport.hook = lambda request: "lose_answer" if is_stop(request) else None
        await life.take()
        assert await life.stops() == 1
        assert len(await life.positions()) == 1


async def test_a_stop_command_between_intent_and_send_wins() -> None:
    async with world() as w:

        async def steps(moment: Moment, _symbol: str, /) -> None:
            if moment is Moment.AFTER_INTENT:
                await life.ctx.state.command(Command.PAUSE, author="a", reason="", now_ms=1)

        async with w.life(steps) as life:
            name, told = await life.take()
            assert told[-1] == "refused not_running"
            assert (await life.intent(name))["outcome"] == "refused"
            assert entries(w) == []
            assert await nothing_left(life)


async def test_who_lost_the_lease_sends_nothing_and_ends() -> None:
    async with world() as w:

        async def steps(moment: Moment, _symbol: str, /) -> None:
            if moment is Moment.AFTER_INTENT:
                lease = life.ctx.lease
                assert lease is not None
                await life.ctx.state.release(lease)
                assert await life.ctx.state.acquire(lease.role, "two", 60_000) is not None

        async with w.life(steps) as life:
            with pytest.raises(Exception, match="another instance holds"):
                await life.take()
            assert entries(w) == []


async def test_a_process_that_stood_still_after_its_permission_does_not_send() -> None:
    async with world(**FAST) as w:

        async def steps(moment: Moment, _symbol: str, /) -> None:
            if moment is Moment.BEFORE_SEND:
                await asyncio.sleep(0.6)

        async with w.life(steps) as life:
            _, told = await life.take()
            assert told[-1] == "refused not_sent_in_time"
            assert entries(w) == []
            assert await nothing_left(life)


async def test_a_store_that_dies_after_the_send_does_not_hold_up_the_stop() -> None:
    async with world(**FAST) as w:

        async def steps(moment: Moment, _symbol: str, /) -> None:
            if moment is Moment.AFTER_SEND:
                w.store.available = False

        async with w.life(steps) as life:
            with pytest.raises(Exception, match="unavailable"):
                await life.take()
            assert await life.stops() == 1
            w.store.available = True
            (intent,) = life.parts.intents.unfinished.values()
            async with life.parts.book.lock(intent.symbol):
                await life.parts.opening.resume(intent)
            assert (await life.intent(intent.intent_id))["outcome"] == "opened"
            assert len(entries(w)) == 1


@pytest.mark.parametrize("moment", list(Moment))
async def test_a_life_that_ends_at_any_moment_is_continued_by_the_next(moment: Moment) -> None:
    async with world(**FAST) as w:
        plan, meta = w.plan()
        async with w.life(dies_at(moment)) as life:
            with pytest.raises(Died):
                await life.parts.entries.on_plan(plan, meta)
        async with w.life() as life:
            told = await life.parts.entries.on_plan(plan, meta)
            unsent = moment is Moment.BEFORE_SEND
            assert words(told)[-1] == ("resolved absent" if unsent else "accepted")
            assert len(entries(w)) == len(await life.positions()) == await life.stops() == (0 if unsent else 1)
            assert len(await life.ctx.state.exposure_entries()) == (0 if unsent else 1)
            assert words(await life.parts.entries.on_plan(plan, meta)) == words(told)


async def test_a_position_that_ended_while_nobody_was_there_is_told_and_gets_no_bracket() -> None:
    async with world(**FAST) as w:
        plan, meta = w.plan()
        async with w.life(dies_at(Moment.AFTER_ANSWER)) as life:
            with pytest.raises(Died):
                await life.parts.entries.on_plan(plan, meta)
            (seen,) = (await life.positions()).values()
            await close_by_hand(life, seen.symbol, seen.quantity)
        async with w.life() as life:
            await life.parts.entries.on_plan(plan, meta)
            await settle(life)
            assert await life.stops() == 0
            (trade,) = w.bus.of("trade.closed")
            assert (trade.position_id, trade.exit_reason) == (meta.decision_id, ExitReason.EXTERNAL)
            assert await nothing_left(life)


async def close_by_hand(life: Life, symbol: str, quantity: Decimal) -> None:
    """A person's order, from the venue's page."""
    http = life.ctx.venue.http
    from shared.exchange.call import Call, Security  # noqa: PLC0415 - only here

    params = [("symbol", symbol), ("side", "SELL"), ("type", "MARKET"), ("quantity", str(quantity)), ("reduceOnly", "true")]
    params.append(("newClientOrderId", "web_1"))
    await http.request(Call(method="POST", path="/fapi/v1/order", params=params, security=Security.SIGNED))


async def test_a_second_plan_for_a_symbol_and_one_with_the_wrong_leverage_are_refused() -> None:
    async with world() as w, w.life() as life:
        await life.take()
        _, told = await life.take()
        assert told == ["refused already_open"]

        def stuck(request: httpx.Request) -> httpx.Response | None:
            if request.url.path.endswith("/leverage"):
                return httpx.Response(200, content=b'{"leverage": 10, "maxNotionalValue": "1", "symbol": "ETHUSDT"}')
            return None

        w.transport.hook = stuck
        _, told = await life.take("ETHUSDT")
        assert told == ["refused leverage_mismatch"]
        assert len(await life.ctx.state.exposure_entries()) == 1


async def test_the_daily_loss_stops_entries_and_exits_go_on() -> None:
    async with world(ASTER_MAX_DAILY_LOSS="0.001") as w, w.life() as life:
        await life.take()
        account = next(iter(w.exchange.desk.accounts.values()))
        account.wallet -= Decimal(20)
        name, told = await life.take("ETHUSDT")
        assert told == ["refused daily_loss"]
        assert "of 0.001" in (await life.intent(name))["told"][0]["event"]["detail"]
        await settle(life)
        assert [alert.code for alert in w.bus.of("alert")] == ["breaker_daily_loss"]
        await life.close("BTCUSDT")
        assert await life.positions() == {}


async def test_a_foreign_position_is_reported_and_takes_its_share_of_the_caps() -> None:
    async with world(ASTER_MAX_OPEN_GLOBAL="1", ASTER_EQUITY_FRACTION="1") as w, w.life() as life:
        await open_by_hand(life, "SOLUSDT", "10")
        await life.parts.reconciler.run()
        await settle(life)
        assert [alert.code for alert in w.bus.of("alert")] == ["foreign_position"]
        assert not life.parts.book.records["SOLUSDT"].owned
        _, told = await life.take()
        assert told == ["refused max_open"]


async def open_by_hand(life: Life, symbol: str, quantity: str) -> None:
    from shared.exchange.call import Call, Security  # noqa: PLC0415 - only here

    params = [("symbol", symbol), ("side", "BUY"), ("type", "MARKET"), ("quantity", quantity), ("newClientOrderId", "web_2")]
    await life.ctx.venue.http.request(Call(method="POST", path="/fapi/v1/order", params=params, security=Security.SIGNED))


async def test_an_empty_store_finds_its_positions_again_by_their_orders() -> None:
    async with world() as w:
        async with w.life() as life:
            name, _ = await life.take()
        w.store.hashes.clear()
        w.store.exposure.clear()
        async with w.life() as life:
            record = life.parts.book.records["BTCUSDT"]
            assert (record.position_id, record.owned) == (name, True)
            assert record.stop_price is not None
            assert record.initial_risk is not None
