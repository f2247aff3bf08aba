import asyncio
import sys
from pathlib import Path

import pytest

from shared.state.port import BudgetAnswer, ReserveOutcome, State
from tests.contract.state.conftest import RedisWorld, World

pytestmark = pytest.mark.contract

USD = 1_000_000
LONG_MS = 60_000
OK, REPLAYED, DENIED = ReserveOutcome.OK, ReserveOutcome.REPLAYED, ReserveOutcome.DENIED


async def reserve(state: State, world: World, name: str, amount: int, *, limit: int = USD, ttl_ms: int = LONG_MS) -> BudgetAnswer:
    return await state.budget_reserve(name, day=await world.today(), limit_uusd=limit, amount_uusd=amount, ttl_ms=ttl_ms)


async def test_reserve_and_settle(state: State, world: World) -> None:
    day = await world.today()
    assert await state.budget_totals(day) == (0, 0)
    assert await reserve(state, world, "a", 400_000) == BudgetAnswer(OK, 400_000, 0)
    assert await reserve(state, world, "b", 600_000) == BudgetAnswer(OK, 1_000_000, 0)
    assert await reserve(state, world, "c", 1) == BudgetAnswer(DENIED, 1_000_000, 0)
    assert await state.budget_settle("a", actual_uusd=150_000) == BudgetAnswer(OK, 600_000, 150_000)
    assert await state.budget_settle("b", actual_uusd=0) == BudgetAnswer(OK, 0, 150_000)
    assert await state.budget_totals(day) == (0, 150_000)
    assert await reserve(state, world, "c", 1) == BudgetAnswer(OK, 1, 150_000)


async def test_repeated_calls_count_once(state: State, world: World) -> None:
    await reserve(state, world, "a", 400_000)
    assert await reserve(state, world, "a", 400_000) == BudgetAnswer(REPLAYED, 400_000, 0)
    assert await reserve(state, world, "a", 1, limit=0) == BudgetAnswer(REPLAYED, 400_000, 0)
    await state.budget_settle("a", actual_uusd=300_000)
    assert await state.budget_settle("a", actual_uusd=900_000) == BudgetAnswer(REPLAYED, 0, 300_000)
    assert await reserve(state, world, "a", 1) == BudgetAnswer(ReserveOutcome.CLOSED, 0, 300_000)


async def test_what_was_never_reserved_is_not_settled(state: State, world: World) -> None:
    assert await state.budget_settle("ghost", actual_uusd=5) == BudgetAnswer(ReserveOutcome.UNKNOWN, 0, 0)
    assert await state.budget_totals(await world.today()) == (0, 0)


async def test_more_than_reserved_is_booked_and_blocks(state: State, world: World) -> None:
    await reserve(state, world, "a", 100_000)
    assert await state.budget_settle("a", actual_uusd=1_200_000) == BudgetAnswer(OK, 0, 1_200_000)
    assert await reserve(state, world, "b", 0) == BudgetAnswer(DENIED, 0, 1_200_000)
    assert (await reserve(state, world, "b", 1, limit=2 * USD)).outcome is OK


@pytest.mark.parametrize("day", ["1999-12-31", "2999-01-01"])
async def test_another_day_is_refused(state: State, day: str) -> None:
    answer = await state.budget_reserve("a", day=day, limit_uusd=USD, amount_uusd=1, ttl_ms=LONG_MS)
    assert answer.outcome is ReserveOutcome.WRONG_DAY
    assert await state.budget_totals(day) == (0, 0)


@pytest.mark.parametrize("day", ["today", "2025-1-1", "20251201", ""])
async def test_a_text_that_is_no_day_is_refused(state: State, day: str) -> None:
    with pytest.raises(ValueError, match=r"day|isoformat"):
        await state.budget_reserve("a", day=day, limit_uusd=USD, amount_uusd=1, ttl_ms=LONG_MS)


async def test_amounts_that_cannot_be_counted_are_refused(state: State, world: World) -> None:
    for amount in (-1, 2**53):
        with pytest.raises(ValueError, match="micro-USD"):
            await reserve(state, world, "a", amount)
        with pytest.raises(ValueError, match="micro-USD"):
            await state.budget_settle("a", actual_uusd=amount)
    large = 2**53 - 1
    assert await reserve(state, world, "a", large, limit=large) == BudgetAnswer(OK, large, 0)
    assert await state.budget_settle("a", actual_uusd=large - 1) == BudgetAnswer(OK, 0, large - 1)


async def test_an_expired_reservation_is_booked_in_full(state: State, world: World) -> None:
    await reserve(state, world, "crashed", 300_000, ttl_ms=100)
    await reserve(state, world, "alive", 200_000)

    assert await world.eventually(state.budget_expire) == 1
    assert await state.budget_expire() == 0
    assert await state.budget_totals(await world.today()) == (200_000, 300_000)
    assert (await reserve(state, world, "crashed", 1)).outcome is ReserveOutcome.CLOSED
    late = await state.budget_settle("crashed", actual_uusd=50_000)
    assert late == BudgetAnswer(OK, 200_000, 50_000), "it had not crashed after all: the truth takes the estimate's place"
    assert (await state.budget_settle("crashed", actual_uusd=1)).outcome is REPLAYED
    assert await state.budget_settle("alive", actual_uusd=0) == BudgetAnswer(OK, 0, 50_000)


async def test_more_than_a_batch_expires_in_one_call(state: State, world: World) -> None:
    await asyncio.gather(*(reserve(state, world, f"r{i}", 10, ttl_ms=200) for i in range(501)))
    total = 0
    for _ in range(50):
        total += await world.eventually(state.budget_expire)
        if total == 501:
            break
    assert await state.budget_totals(await world.today()) == (0, 5010)


async def test_fifty_at_once_never_overspend_and_spend_what_fits(world: World) -> None:
    clients = [world.client() for _ in range(5)]
    answers = await asyncio.gather(*(reserve(clients[i % 5], world, f"r{i}", 30_000) for i in range(50)))
    assert [answer.outcome for answer in answers].count(OK) == 33
    assert all(answer.reserved_uusd + answer.spent_uusd <= USD for answer in answers)
    assert await clients[0].budget_totals(await world.today()) == (990_000, 0)


async def test_accounts_do_not_share_a_budget(real: RedisWorld) -> None:
    other = RedisWorld(type(real.keys)(f"{real.keys.account}b"), real.server, real.raw, real.clients)
    mine, theirs = real.client(), other.client()
    await reserve(mine, real, "a", 900_000, ttl_ms=1)
    await reserve(theirs, other, "a", 800_000)
    await real.eventually(mine.budget_expire)
    assert await theirs.budget_totals(await real.today()) == (800_000, 0)


async def test_processes_race_for_one_dollar(real: RedisWorld) -> None:
    worker = Path(__file__).with_name("budget_worker.py")
    day = await real.today()
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable, str(worker), real.server.url, real.keys.account, day, str(i), "50", "7000", stdout=asyncio.subprocess.PIPE
        )
        for i in range(4)
    ]
    outputs = [(await process.communicate())[0] for process in workers]
    assert [process.returncode for process in workers] == [0, 0, 0, 0]
    granted = sum(int(output) for output in outputs)
    assert granted == USD // 7000
    assert await real.client().budget_totals(day) == (granted * 7000, 0)
