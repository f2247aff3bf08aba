"""Rounds against the guard: something goes wrong, and the venue's own records tell how long a position had no stop."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from services.executor.steps import Moment
from shared.contracts.envelope import Outgoing
from tests.chaos.guard_stack import GuardProcess, GuardStack
from tests.chaos.stack import ExecutorProcess
from tests.fakes.eventually import eventually

HAND = "web_hand"


@dataclass
class GuardTally:
    """Times without a stop by kind of trouble, in milliseconds of the venue's clock."""

    naked: dict[str, list[int]] = field(default_factory=dict)
    duplicates: Counter[str] = field(default_factory=Counter)
    wrong_cancels: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, kind: str, duration_ms: int, note: str = "") -> None:
        self.naked.setdefault(kind, []).append(max(0, duration_ms))
        if note:
            self.notes.append(f"{kind}: {note}")

    def of(self, *kinds: str) -> list[int]:
        return sorted(ms for kind, times in self.naked.items() if not kinds or kind in kinds for ms in times)

    def table(self) -> str:
        lines = [f"{'trouble':<22}{'runs':>6}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'dup':>5}{'wrong':>7}"]
        for kind, times in self.naked.items():
            found = (quantile(times, 0.5), quantile(times, 0.99), max(times))
            numbers = "".join(f"{ms:>9}" for ms in found)
            lines.append(f"{kind:<22}{len(times):>6}{numbers}{self.duplicates[kind]:>5}{self.wrong_cancels[kind]:>7}")
        return "\n".join(lines)

    def last_line(self) -> str:
        times = self.of()
        return (
            f"chaos guard runs={len(times)} naked_p50_ms={quantile(times, 0.5)} naked_p99_ms={quantile(times, 0.99)} "
            f"naked_max_ms={times[-1]} duplicates={self.duplicates.total()} wrong_cancels={self.wrong_cancels.total()}"
        )


def quantile(times: list[int], share: float) -> int:
    """The value below which a share of the times lies."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class GuardRounds:
    """Trouble by trouble on one stack; each leaves flat positions behind."""

    def __init__(self, stack: GuardStack, executor: ExecutorProcess, guard: GuardProcess, tally: GuardTally) -> None:
        self.stack = stack
        self.executor = executor
        self.guard = guard
        self.tally = tally
        self.symbols = stack.symbols[1:]
        self._number = 0

    async def plant(self) -> None:
        """A position with a stop that a person opened by hand: nobody may touch either."""
        symbol = self.stack.symbols[0]
        await self.stack.venue.open_by_hand(symbol, "0.1", HAND)
        await self.stack.venue.foreign_stop(symbol, HAND)

    async def healthy(self) -> None:
        """Entries while all is well."""
        plans = await self._publish()
        await self._opened("healthy", plans)
        await self._clean("healthy")

    async def executor_killed(self) -> None:
        """The executor dies with the fill in hand; it comes back when the guard has protected."""
        plans = await asyncio.gather(*(self.stack.plan(symbol) for symbol in self.symbols))
        self.executor.stop_at(dict.fromkeys(self.symbols, Moment.AFTER_ANSWER.value))
        await asyncio.gather(*(self.stack.bus.publish(plan) for plan in plans))
        await self.executor.until_dead()
        await self._opened("executor_killed", list(plans), all_filled=False)
        await self.executor.start()
        await self._clean("executor_killed")

    async def vanished(self, kind: str) -> None:
        """Stops are taken away by hand; the guard puts them back."""
        taken = {symbol: await self.stack.venue.cancel_by_hand(symbol) for symbol in self.symbols if await self.stack.venue.stops(symbol)}
        assert taken
        await asyncio.gather(*(self._back(kind, symbol, since) for symbol, since in taken.items()))

    async def nats_stopped(self, seconds: float) -> None:
        """No bus: the guard goes on, and protects an entry that no message told it of."""
        await self._publish_and_wait()
        await self.stack.leave_bus()
        await asyncio.to_thread(self.stack.nats.freeze)
        try:
            await self.vanished("nats_stopped")
            await asyncio.sleep(seconds)
            await self.vanished("nats_stopped")
        finally:
            await asyncio.to_thread(self.stack.nats.thaw)
            await self.stack.join_bus()
        await self._clean("nats_stopped")

    async def redis_stopped(self) -> None:
        """No store, also while the guard starts: it knows the brackets from its file."""
        await self._publish_and_wait()
        await asyncio.to_thread(self.stack.redis.stop)
        try:
            await self.vanished("redis_stopped")
            self.guard.kill()
            times = await asyncio.gather(*map(self.stack.venue.cancel_by_hand, self.symbols))
            taken = dict(zip(self.symbols, times, strict=True))
            await self.guard.start(state="")
            await asyncio.gather(*(self._back("guard_alone", symbol, since) for symbol, since in taken.items()))
        finally:
            await asyncio.to_thread(self.stack.redis.start)
        await self._clean("redis_stopped")

    async def redis_flushed(self) -> None:
        """Everything in the store is gone, leases and trading state included."""
        await self._publish_and_wait()
        await self.stack.flush_store()
        await self.vanished("redis_flushed")
        await self._clean("redis_flushed")

    async def stop_rejected(self) -> None:
        """The venue takes no stop at all: the position must not stay."""
        async with self.stack.venue.fault(kind="reject_order", code=-2010, types=["STOP_MARKET"]):
            plans = await self._publish()
            await self._opened("stop_rejected", plans)
        await self._clean("stop_rejected")

    async def stale_orders(self) -> None:
        """The list of open orders stands still, before and after the stops were placed."""
        async with self.stack.venue.fault(kind="stale_open_orders", path="openAlgoOrders"):
            plans = await self._publish()
            await self._opened("stale_orders", plans)
            await self.vanished("stale_orders")
        await self._clean("stale_orders")

    async def algo_failing(self, seconds: float) -> None:
        """The endpoint of conditional orders answers errors to everything."""
        faults = [
            await self.stack.venue.arm(kind="http_error", path=path, status=503, code=-1008) for path in ("algoOrder", "openAlgoOrders")
        ]
        plans = await self._publish()
        await asyncio.sleep(seconds)
        assert len(faults) == 2
        await self.stack.venue.disarm()
        await self._opened("algo_failing", plans)
        await self._clean("algo_failing")

    async def placing_fails(self) -> None:
        """Nobody can place a conditional order, and the executor is dead: the guard does not leave the positions without a stop."""
        plans = await asyncio.gather(*(self.stack.plan(symbol) for symbol in self.symbols))
        self.executor.stop_at(dict.fromkeys(self.symbols, Moment.AFTER_ANSWER.value))
        async with self.stack.venue.fault(kind="http_error", method="POST", path="algoOrder", status=503, code=-1008):
            await asyncio.gather(*(self.stack.bus.publish(plan) for plan in plans))
            await self.executor.until_dead()
            await self._opened("placing_fails", list(plans), all_filled=False)
        await self.executor.start()
        await self._clean("placing_fails")

    async def key_expired(self) -> None:
        """The user stream ends with its key."""
        await self._publish_and_wait()
        await self.stack.venue.arm(kind="drop_user_stream", expire=True)
        await self.vanished("key_expired")
        await self._clean("key_expired")

    async def replicas_restarted(self, other: GuardProcess) -> None:
        """The active guard is killed, then the one that took over; after that both are asked to end, one after the other."""
        await self._publish_and_wait()
        for active in (self.guard, other):
            active.kill()
            await self.vanished("replicas_killed")
            await active.start("standby")
        for active in (self.guard, other):
            assert await active.end() == 0
            await self.vanished("replicas_restarted")
            await active.start("standby")
        await self._clean("replicas_restarted")

    # --- reading the venue -------------------------------------------------------------------------------------------

    async def _publish(self) -> list[Outgoing]:
        plans = await asyncio.gather(*(self.stack.plan(symbol) for symbol in self.symbols))
        await asyncio.gather(*(self.stack.bus.publish(plan) for plan in plans))
        return list(plans)

    async def _publish_and_wait(self) -> None:
        await self._publish()
        for symbol in self.symbols:
            await eventually(lambda name=symbol: self.stack.venue.stops(name), within_s=20, every_s=0.1, what=f"{symbol} is protected")

    async def _opened(self, kind: str, plans: list[Outgoing], *, all_filled: bool = True) -> None:
        """From each entry's fill to its stop, or to the end of the position."""
        for plan in plans:
            symbol = plan.payload.keys()[0]
            entry = await eventually(partial(self._entry, plan), within_s=20 if all_filled else 3, every_s=0.1, what=f"{symbol} is filled")
            assert entry is not None
            await self._protected_or_gone(kind, symbol, int(entry["updateTime"]))

    async def _entry(self, plan: Outgoing) -> dict[str, Any] | None:
        name = f"mr-{plan.decision_id}-e"
        rows = await self.stack.venue.entries(plan.payload.keys()[0])
        return next((row for row in rows if row["clientOrderId"] == name and Decimal(row["executedQty"]) > 0), None)

    async def _protected_or_gone(self, kind: str, symbol: str, since_ms: int) -> None:
        async def ended() -> int | None:
            rows = await self.stack.venue.algos(symbol)
            times = [int(row["createTime"]) for row in rows if row["orderType"] == "STOP_MARKET" and int(row["createTime"]) >= since_ms]
            if times:
                return min(times)
            if symbol not in await self.stack.venue.positions():
                orders = await self.stack.venue.call("GET", "/fapi/v1/allOrders", symbol=symbol, limit="1000")
                return max(int(row["updateTime"]) for row in orders)
            return None

        end_ms = await eventually(ended, within_s=70, every_s=0.1, what=f"{kind}: {symbol} is protected or closed")
        assert end_ms is not None
        self.tally.add(kind, end_ms - since_ms)

    async def _back(self, kind: str, symbol: str, since_ms: int) -> None:
        found = await eventually(
            lambda: self.stack.venue.stops(symbol), within_s=70, every_s=0.1, what=f"{kind}: the stop of {symbol} is back"
        )
        self.tally.add(kind, int(found[0]["createTime"]) - since_ms)

    async def _clean(self, kind: str) -> None:
        """Count what is too much, close everything that is ours by hand, and wait until it is forgotten."""
        stack, hand = self.stack, self.stack.symbols[0]
        await eventually(lambda: self._single(kind), within_s=20, every_s=0.2, what=f"{kind}: one stop for each position")
        left = await stack.venue.stops(hand)
        if [row["clientAlgoId"] for row in left] != [HAND]:
            self.tally.wrong_cancels[kind] += 1
            self.tally.notes.append(f"{kind}: the stop set by hand: {left}")
        held = await stack.venue.positions()
        await asyncio.gather(*(stack.venue.close(symbol, amount) for symbol, amount in held.items() if symbol != hand))
        await eventually(self._forgotten, within_s=30, every_s=0.2, what=f"{kind}: closed positions are forgotten")

    async def _single(self, kind: str) -> bool:
        """One stop for each position. Two of them at one moment are a duplicate."""
        held = await self.stack.venue.positions()
        counts = Counter(row["symbol"] for row in await self.stack.venue.stops())
        more = {s: n for s, n in counts.items() if n > 1}
        if more:
            self.tally.duplicates[kind] += len(more)
            self.tally.notes.append(f"{kind}: {more}")
        return all(counts[symbol] == 1 for symbol in held)

    async def _forgotten(self) -> bool:
        state, keys, hand = self.stack.state, self.stack.keys, self.stack.symbols[0]
        open_stops = [row for row in await self.stack.venue.stops() if row["symbol"] != hand]
        records = {s for s in await state.get_all(keys.positions) if s != hand}
        return not open_stops and not records and not await state.get_all(keys.closing) and not await state.exposure_entries()
