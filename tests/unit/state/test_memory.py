import pytest

from shared.domain.clock import ManualClock
from shared.domain.control import TradingState
from shared.domain.errors import StoreUnavailable
from shared.state.memory import MemoryState
from shared.state.port import ExposureCaps, Lease, State
from shared.state.store import MemoryStore

CAPS = ExposureCaps(margin_uusd=1, risk_uusd=1, max_open=1, max_per_symbol=1)


async def test_a_store_that_is_gone_answers_no_call() -> None:
    store = MemoryStore(ManualClock(0))
    state: State = MemoryState(store)
    store.available = False
    for call in (
        state.ping(),
        state.control(),
        state.init_control(TradingState.RUNNING, author="a", now_ms=1),
        state.may_send("i", before={}, after={}, epoch=1, lease=Lease("r", "o", 1)),
        state.acquire("r", "o", 1),
        state.renew(Lease("r", "o", 1), 1),
        state.holder("r"),
        state.join("s", "m", 1),
        state.put("k", "f", {}),
        state.get("k", "f"),
        state.get_all("k"),
        state.ledger_begin("d", "m", 1),
        state.ledger_finish("d", "m", "r", 1),
        state.budget_reserve("r", day="1970-01-01", limit_uusd=1, amount_uusd=1, ttl_ms=1),
        state.budget_settle("r", actual_uusd=1),
        state.budget_expire(),
        state.budget_totals("1970-01-01"),
        state.exposure_reserve("e", "S", margin_uusd=1, risk_uusd=1, caps=CAPS),
        state.exposure_release("e"),
        state.exposure_entries(),
        state.config(),
        state.config_apply({}, expected_revision=0, author="a", now_ms=1),
        state.config_history(),
    ):
        with pytest.raises(StoreUnavailable):
            await call
    store.available = True
    await state.ping()
    await state.close()


async def test_accounts_in_one_store_are_apart() -> None:
    store = MemoryStore(ManualClock(0))
    one, two = MemoryState(store, "one"), MemoryState(store, "two")
    await one.budget_reserve("r", day="1970-01-01", limit_uusd=9, amount_uusd=9, ttl_ms=0)
    await two.budget_reserve("r", day="1970-01-01", limit_uusd=9, amount_uusd=8, ttl_ms=0)
    assert await two.budget_expire() == 1
    assert await one.budget_totals("1970-01-01") == (9, 0)
