"""One crash of the executor with many entries in hand, and what is true afterwards."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from services.executor.steps import Moment
from shared.contracts.envelope import Outgoing
from tests.chaos.stack import ExecutorProcess, Stack
from tests.fakes.eventually import eventually
from tests.fakes.flaky_proxy import Fault

NAKED_BOUND_MS = 5_000
"""From the fill to the stop. While no executor is up there is nobody to place it (the guard, which would, is not part of this):
that time does not count."""
_ANEW = {Moment.BEFORE_INTENT.value, Moment.AFTER_INTENT.value}
_NEVER = {Moment.BEFORE_SEND.value}
_REACHES = {Fault.NONE.value, Fault.LOST_ANSWER.value, Fault.UNKNOWN_503.value, Fault.STREAM_CUT.value}
SETTLED = {"opened", "refused", "rejected", "not_executed"}


@dataclass
class Tally:
    """Counts by (moment, fault)."""

    runs: Counter[tuple[str, str]] = field(default_factory=Counter)
    opened: Counter[tuple[str, str]] = field(default_factory=Counter)
    duplicates: Counter[tuple[str, str]] = field(default_factory=Counter)
    lost: Counter[tuple[str, str]] = field(default_factory=Counter)
    naked: Counter[tuple[str, str]] = field(default_factory=Counter)
    longest_ms: int = 0
    begun: int = 0
    notes: list[str] = field(default_factory=list)

    def expected(self) -> int:
        """Runs whose entry nothing kept from the venue: a position must have been opened.

        What died before the intent was marked "sent" is done anew by the next life, without the fault; what died between that
        mark and the send is never sent; the rest depends on whether the fault lets the venue have the order.
        """
        return sum(count for (moment, fault), count in self.runs.items() if moment in _ANEW or (moment not in _NEVER and fault in _REACHES))

    def table(self, *, resting: bool = False) -> str:
        lines = [f"{'moment':<16}{'fault':<22}{'runs':>6}{'opened':>8}{'dup':>5}{'lost':>6}{'naked':>7}"]
        for key in sorted(self.runs):
            row = (self.runs, self.opened, self.duplicates, self.lost, self.naked)
            counts = [counter[key] for counter in row]
            lines.append(f"{key[0]:<16}{key[1]:<22}{counts[0]:>6}{counts[1]:>8}{counts[2]:>5}{counts[3]:>6}{counts[4]:>7}")
        why = (
            "as the market filled them"
            if resting
            else f"in {self.expected()} of {self.runs.total()} runs nothing kept the entry from the venue"
        )
        lines.append(f"opened {self.opened.total()} positions; {why}")
        lines.append(f"longest time without a stop while an executor was up: {self.longest_ms} ms (bound {NAKED_BOUND_MS} ms)")
        return "\n".join(lines)

    def last_line(self) -> str:
        return (
            f"chaos executor runs={self.runs.total()} duplicates={self.duplicates.total()} lost={self.lost.total()} "
            f"naked_over_bound={self.naked.total()}"
        )


class Matrix:
    """Runs rounds against one stack; each round is one death."""

    def __init__(self, stack: Stack, executor: ExecutorProcess, tally: Tally) -> None:
        self._stack = stack
        self._executor = executor
        self._tally = tally

    async def round(self, moments: list[Moment], fault: Fault) -> None:
        """A plan for each symbol, each to die at one of the moments; then the restart and the look at the venue."""
        stack = self._stack
        chosen = {symbol: moments[i % len(moments)] for i, symbol in enumerate(stack.symbols)}
        plans = await asyncio.gather(*(stack.plan(symbol) for symbol in stack.symbols))
        self._executor.stop_at({symbol: moment.value for symbol, moment in chosen.items()})
        stack.proxy.fault = fault
        await asyncio.gather(*(stack.bus.publish(plan) for plan in plans))
        await self._executor.until_dead()
        stack.proxy.fault = Fault.NONE
        await self._executor.start()
        await eventually(lambda: self._settled(plans), within_s=30, every_s=0.05, what="every plan has an outcome")
        intents = await stack.intents()
        await asyncio.gather(*(self._judge(plan, chosen, fault, intents) for plan in plans))
        await self._clean()

    async def _settled(self, plans: list[Outgoing]) -> bool:
        intents = await self._stack.intents()
        return all(intents.get(plan.decision_id, {}).get("outcome") in SETTLED for plan in plans)

    async def _judge(self, plan: Outgoing, chosen: dict[str, Moment], fault: Fault, intents: dict[str, Any]) -> None:
        """Compare the venue with what the executor believes."""
        symbol, tally = plan.payload.keys()[0], self._tally
        key = (chosen[symbol].value, fault.value)
        name = f"mr-{plan.decision_id}-e"
        orders = [row for row in await self._stack.venue.entries(symbol) if row["clientOrderId"] == name]
        filled = [row for row in orders if Decimal(row["executedQty"]) > 0]
        believed = intents[plan.decision_id]["outcome"]
        position = (await self._stack.venue.positions()).get(symbol)
        record, known = await self._record(symbol, plan.decision_id, abs(position or Decimal(0)), wait=bool(filled))
        tally.runs[key] += 1
        tally.opened[key] += believed == "opened"
        tally.duplicates[key] += max(0, len(orders) - 1)
        if bool(filled) != (believed == "opened") or (filled and not known):
            tally.lost[key] += 1
            tally.notes.append(
                f"{key} {symbol} {plan.decision_id}: believed {believed}, orders {orders}, position {position}, record {record}"
            )
        if filled:
            await self._protected(key, symbol, plan.decision_id, filled[0])

    async def _record(self, symbol: str, decision_id: str, quantity: Decimal, *, wait: bool) -> tuple[dict[str, Any] | None, bool]:
        """What the executor has on record, and whether that is the venue's position; the last fills may still be on their way."""

        async def agrees() -> bool:
            found = await self._stack.state.get(self._stack.keys.positions, symbol)
            return found is not None and found["position_id"] == decision_id and Decimal(found["quantity"]) == quantity

        known = False
        with contextlib.suppress(AssertionError):
            known = await eventually(agrees, within_s=5 if wait else 0, every_s=0.1)
        return await self._stack.state.get(self._stack.keys.positions, symbol), known

    async def _protected(self, key: tuple[str, str], symbol: str, decision_id: str, entry: dict[str, Any]) -> None:
        venue = self._stack.venue
        stops = [row for row in await venue.algos(symbol) if row["clientAlgoId"].startswith(f"mr-{decision_id}-s")]
        first_ms = min(int(row["time"]) for row in await venue.trades(symbol) if row["orderId"] == entry["orderId"])
        resting = any(row["algoStatus"] == "NEW" for row in stops)
        placed_ms = min(int(row["createTime"]) for row in stops) if resting else 10**15
        waited = placed_ms - max(first_ms, self._executor.ready_ms)
        self._tally.longest_ms = max(self._tally.longest_ms, waited)
        if waited > NAKED_BOUND_MS:
            self._tally.naked[key] += 1
            self._tally.notes.append(f"{key} {symbol} {decision_id}: {waited} ms without a stop")

    async def _clean(self) -> None:
        """A person closes everything by hand; the executor sees it and frees what was held."""
        stack = self._stack
        held = await stack.venue.positions()
        await asyncio.gather(*(stack.venue.close(symbol, amount) for symbol, amount in held.items()))
        await eventually(self._free, within_s=20, every_s=0.05, what="closed positions are forgotten and their exposure is free")

    async def _free(self) -> bool:
        state, keys = self._stack.state, self._stack.keys
        return not await state.get_all(keys.positions) and not await state.get_all(keys.closing) and not await state.exposure_entries()
