"""The ledger of intents: what is finished is forgotten in its time, what is not never."""

from dataclasses import replace
from typing import Any, cast

import pytest

from services.executor.intents import KEEP_MS, KEEP_REFUSED_MS, QUIET_START_S, Intents
from services.executor.logic.intent import Intent, Outcome, Step, advance
from shared.domain.clock import ManualClock
from shared.runtime.context import Context
from shared.state.keys import Keys
from shared.state.memory import MemoryState
from shared.state.store import MemoryStore
from tests.unit.executor.test_intent import intent as some_intent


class Around:
    """What the ledger needs of a context."""

    def __init__(self) -> None:
        self.clock = ManualClock(10_000_000)
        self.state = MemoryState(MemoryStore(self.clock))
        self.keys = Keys("main")
        self.lease: Any = None


@pytest.fixture
async def around() -> Around:
    made = Around()
    made.lease = await made.state.acquire("active-executor", "one", 10**9)
    return made


def named(name: str) -> Intent:
    return replace(some_intent(), intent_id=name)


async def finished(ledger: Intents, name: str, outcome: Outcome) -> None:
    intent = await ledger.write(named(name))
    if outcome is not Outcome.REFUSED:
        intent = await ledger.write(advance(intent, Step.SENT, sent_wall_ms=1))
    await ledger.finish(intent, outcome)


async def names(around: Around) -> set[str]:
    return set(await around.state.get_all(around.keys.intents))


async def test_each_kind_is_kept_for_its_time_and_unfinished_ones_for_ever(around: Around) -> None:
    ledger = Intents(cast("Context", around))
    await ledger.load()
    await finished(ledger, "opened", Outcome.OPENED)
    for number in range(2_500):
        await finished(ledger, f"refused{number}", Outcome.REFUSED)
    await ledger.write(named("reserved"))
    around.clock.advance_ms(KEEP_REFUSED_MS)
    await ledger.forget_old()
    assert len(await names(around)) == 2_502
    around.clock.advance_ms(1)
    await ledger.forget_old()
    assert await names(around) == {"opened", "reserved"}
    assert await ledger.find("opened") is not None
    around.clock.advance_ms(KEEP_MS)
    await ledger.forget_old()
    assert await names(around) == {"reserved"}


async def test_a_start_knows_what_an_earlier_life_left_and_forgets_nothing_at_once(around: Around) -> None:
    first = Intents(cast("Context", around))
    await first.load()
    await finished(first, "opened", Outcome.OPENED)
    await finished(first, "refused", Outcome.REFUSED)
    await first.write(named("reserved"))
    around.clock.advance_ms(2 * KEEP_MS)
    second = Intents(cast("Context", around))
    await second.load()
    assert set(second.unfinished) == {"reserved"}
    await second.forget_old()
    assert await names(around) == {"opened", "refused", "reserved"}
    around.clock.advance_ms(int(QUIET_START_S * 1000))
    await second.forget_old()
    assert await names(around) == {"reserved"}
