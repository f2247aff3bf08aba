"""The account's events doubled, in any order, or never delivered: positions and trades come out as the venue has them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.executor import opening
from services.executor.service import Executor
from shared.contracts.order import ExitReason, PositionEventKind
from shared.domain.order import client_id
from shared.exchange.events import ListenKeyExpired
from shared.exchange.parse_user import parse_user_event
from tests.fakes.eventually import eventually
from tests.integration.executor.test_outcomes import close_by_hand
from tests.integration.executor.world import Life, World, world

pytestmark = pytest.mark.integration

SYMBOL = "BTCUSDT"
LIMIT = {"ASTER_ENTRY_TYPE": "limit", "ASTER_ENTRY_LIMIT_SECONDS": "600", "ASTER_RECV_WINDOW": "100"}


@dataclass(frozen=True)
class Story:
    """What happens at the venue, and how its events arrive.

    `parts`: shares of what is left of the entry that are filled; `shift` moves the price of each part; `exits`: shares of the position that
    somebody closes by hand, the rest stays. `keys` sort the events of each act, `copies` says how often each comes (0 = never).
    """

    parts: tuple[str, ...]
    shift: str
    exits: tuple[str, ...]
    keys: tuple[int, ...]
    copies: tuple[int, ...]


SHARES = st.sampled_from(["0.3", "0.5", "0.8"])
STORIES = st.builds(
    Story,
    parts=st.lists(SHARES, min_size=1, max_size=3).map(lambda shares: (*shares, "1")),
    shift=st.sampled_from(["1", "1", "0.995"]),
    exits=st.one_of(st.just(()), st.lists(SHARES, max_size=2).map(lambda shares: (*shares, "1"))),
    keys=st.lists(st.integers(0, 100), min_size=8, max_size=8).map(tuple),
    copies=st.lists(st.sampled_from([0, 1, 1, 1, 2, 3]), min_size=8, max_size=8).map(tuple),
)


class Postman:
    """Keeps the venue's events and delivers them as the story says, through the executor's own handler."""

    def __init__(self, w: World, life: Life, story: Story) -> None:
        self._story = story
        self._executor = Executor(life.ctx, life.parts)
        self._kept: list[dict[str, Any]] = []
        w.exchange.event_filter = self._keep

    def _keep(self, batch: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
        self._kept += [event for _, event in batch]
        return batch

    async def deliver(self) -> None:
        """Everything since the last time, in the story's order, each as often as it says."""
        kept, self._kept = self._kept, []
        keys, copies = self._story.keys, self._story.copies
        order = sorted(range(len(kept)), key=lambda i: (keys[i % len(keys)], i))
        for index in order:
            for _ in range(copies[index % len(copies)]):
                event = parse_user_event(kept[index])
                if event is not None and not isinstance(event, ListenKeyExpired):
                    await self._executor.hear(event)


async def quiet(life: Life) -> None:
    """Chores and outbox have nothing left to do."""
    await eventually(lambda: life.ctx.activity.snapshot()["busy"] == 0, within_s=10)


async def tell_all(story: Story) -> None:
    async with world(**LIMIT) as w, w.life() as life:
        plan, meta = w.plan(SYMBOL)
        await life.parts.entries.on_plan(plan.model_copy(update={"price": plan.price * 0.98}), meta)
        name, post = meta.decision_id, Postman(w, life, story)
        order = w.resting(client_id(name, "e"))
        for number, share in enumerate(story.parts):
            w.serve(order, share, str((order.price * Decimal(story.shift) ** number).quantize(Decimal("0.1"))))
            await post.deliver()
        await quiet(life)
        for share in story.exits:
            seen = (await life.positions())[SYMBOL]
            step = life.parts.opening.instruments[SYMBOL].step
            await close_by_hand(life, SYMBOL, max(step, seen.quantity * Decimal(share) // step * step))
            await post.deliver()
        await quiet(life)
        await life.parts.reconciler.run()
        # an entry whose last events were lost is looked at again with each reconciliation
        for intent in life.parts.resting.waiting():
            life.parts.resting.look(intent)
        await quiet(life)
        await check(w, life, name, story)


async def check(w: World, life: Life, name: str, story: Story) -> None:
    """Against the venue's own books."""
    account = next(iter(w.exchange.desk.accounts.values()))
    fees = sum((trade.commission for trade in account.trades), Decimal(0))
    bought = [trade for trade in account.trades if trade.side.value == "BUY"]
    average = sum((t.price * t.quantity for t in bought), Decimal(0)) / sum((t.quantity for t in bought), Decimal(0))
    assert (await life.intent(name))["outcome"] == "opened"
    events = w.bus.of("order")
    assert len({(e.client_id, e.event, e.serial) for e in events}) == len(events), "an event was told twice under one name"
    if not story.exits:
        record, seen = life.parts.book.records[SYMBOL], (await life.positions())[SYMBOL]
        assert record.net_quantity == seen.amount
        assert record.entry_price is not None
        assert abs(record.entry_price - average) < Decimal("1e-9")
        assert record.fees == fees
        assert await life.stops() == 1
        return
    assert SYMBOL not in life.parts.book.records
    (trade,) = w.bus.of("trade.closed")
    assert (trade.position_id, trade.exit_reason) == (name, ExitReason.EXTERNAL)
    assert trade.quantity == sum((t.quantity for t in bought), Decimal(0))
    assert trade.fees_usd == fees
    assert trade.gross_usd == sum((t.realised for t in account.trades), Decimal(0))
    closed = [event for event in w.bus.of("position") if event.event is PositionEventKind.CLOSED]
    assert len(closed) == 1
    assert await life.stops() == 0
    assert await life.ctx.state.exposure_entries() == {}


@given(STORIES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_the_books_are_the_venues_whatever_becomes_of_the_events(story: Story) -> None:
    asyncio.run(tell_all(story))


def no_events(parts: Sequence[str], exits: Sequence[str]) -> Story:
    return Story(tuple(parts), "1", tuple(exits), (0,) * 8, (0,) * 8)


@pytest.mark.parametrize("exits", [(), ("0.5", "1")])
def test_without_any_event_the_next_comparison_finds_everything(exits: tuple[str, ...]) -> None:
    asyncio.run(tell_all(no_events(("0.5", "1"), exits)))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "FILL_WAIT_S", 0.01)
