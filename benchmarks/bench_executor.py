"""The executor between real servers and the paper venue: plan to accepted order, a hundred plans at once, the kill switch.

Prints `bench <name> <value> <unit>` lines. Times are from the publish of the plan to the venue's own time of the order.
"""

import asyncio
import sys
import time
from functools import partial
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shared.contracts.control import Command  # noqa: E402 - the tests' stack is found only with the root on the path
from tests.chaos.stack import Stack  # noqa: E402
from tests.fakes.eventually import eventually  # noqa: E402

ROUNDS = 4
AT_ONCE = 100
PRESSES = 5


def show(name: str, value: float, unit: str) -> None:
    """One figure."""
    sys.stdout.write(f"bench {name} {value:.1f} {unit}\n")
    sys.stdout.flush()


async def settled(stack: Stack, names: list[str]) -> bool:
    """Whether all of these plans have an outcome."""
    intents = await stack.intents()
    return all(intents.get(name, {}).get("outcome") for name in names)


async def clear(stack: Stack) -> None:
    """Close everything and wait until it is forgotten."""
    for symbol, amount in (await stack.venue.positions()).items():
        await stack.venue.close(symbol, amount)

    async def free() -> bool:
        return not await stack.state.exposure_entries() and not await stack.state.get_all(stack.keys.positions)

    await eventually(free, within_s=30)


async def one_by_one(stack: Stack) -> None:
    """Plan to accepted order, and fill to resting stop, when nothing else is in the way."""
    waits, naked = [], []
    for _ in range(ROUNDS):
        for symbol in stack.symbols:
            plan = await stack.plan(symbol)
            published_ms = time.time_ns() / 1e6
            await stack.bus.publish(plan)
            await eventually(partial(settled, stack, [plan.decision_id]), within_s=20, every_s=0.02)
            order = (await stack.venue.entries(symbol))[-1]
            waits.append(int(order["time"]) - published_ms)
            stops = [row for row in await stack.venue.algos(symbol) if row["orderType"] == "STOP_MARKET"]
            naked.append(int(stops[-1]["createTime"]) - int(order["updateTime"]))
        await clear(stack)
    for name, values in (("plan_to_accepted", waits), ("fill_to_stop", naked)):
        cuts = quantiles(values, n=100)
        show(f"executor_{name}_p50", cuts[49], "ms")
        show(f"executor_{name}_p99", cuts[98], "ms")


async def at_once(stack: Stack) -> None:
    """Many plans in the same moment: as many as there are symbols are entered, the others refused, all are answered."""
    plans = [await stack.plan(stack.symbols[i % len(stack.symbols)]) for i in range(AT_ONCE)]
    started, started_ms = time.monotonic(), time.time_ns() / 1e6
    await asyncio.gather(*(stack.bus.publish(plan) for plan in plans))
    await eventually(lambda: settled(stack, [plan.decision_id for plan in plans]), within_s=60, every_s=0.02)
    show("executor_100_plans_all_answered", (time.monotonic() - started) * 1000, "ms")
    last = max([int((await stack.venue.entries(symbol))[-1]["time"]) for symbol in stack.symbols])
    show("executor_100_plans_last_entry_accepted", last - started_ms, "ms")
    await clear(stack)


async def kill_switch(stack: Stack) -> None:
    """From the press to the last entry that the venue took, plans pouring in."""
    late = []
    for _ in range(PRESSES):
        pressed = asyncio.Event()

        async def flood(pressed: asyncio.Event = pressed) -> None:
            while not pressed.is_set():
                await asyncio.gather(*[stack.bus.publish(await stack.plan(symbol)) for symbol in stack.symbols])

        flooding = asyncio.create_task(flood())
        await asyncio.sleep(0.3)
        pressed_ms = time.time_ns() / 1e6
        await stack.command(Command.STOP)
        await asyncio.sleep(1.5)
        pressed.set()
        await flooding
        orders = [int(row["time"]) for symbol in stack.symbols for row in await stack.venue.entries(symbol)]
        late.append(max(0.0, max(orders) - pressed_ms))
        await stack.command(Command.START)
        await clear(stack)
    show("executor_kill_switch_to_last_entry_worst", max(late), "ms")


async def main() -> None:
    """Each on a stack of its own, so that none starts with a rate limit that another one used up."""
    for part in (one_by_one, at_once, kill_switch):
        async with Stack() as stack:
            executor = stack.executor()
            await executor.start()
            await part(stack)


if __name__ == "__main__":
    asyncio.run(main())
