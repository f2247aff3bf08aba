"""Plans pouring in while somebody presses the kill switch: what the venue accepted after the press.

Three ways to press: everything works; NATS is gone; Redis is gone (flatten by the command line's own code, straight at the venue).
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from services.commands.flatten import close_all
from shared.config.load import load
from shared.contracts.control import Command
from shared.contracts.envelope import Outgoing
from shared.domain.errors import MrasterError
from shared.domain.order import intent_hash
from tests.chaos.stack import Stack
from tests.fakes.eventually import eventually

PACE_S = 0.1
"""Between two batches of plans: about as many as one executor can refuse, so that none grows old in a queue."""


class Case(StrEnum):
    """What is down when the switch is pressed."""

    HEALTHY = "healthy"
    NO_NATS = "nats_down"
    NO_REDIS = "redis_down"


@dataclass(frozen=True, slots=True)
class Press:
    """One press. `late_ms`: from the press to the last entry that the venue accepted (0: none after it); `flat_ms` to an
    account without positions (only where the press closes them). `before`, `after`: entries on either side of the press."""

    late_ms: float
    before: int
    after: int
    flat_ms: float | None = None


class Storm:
    """One stack; each press begins with an empty account and ends with one."""

    def __init__(self, stack: Stack, seed: int = 7) -> None:
        self._stack = stack
        self._chance = random.Random(seed)
        self._plans: list[Outgoing] = []

    async def press(self, case: Case) -> Press:
        """Flood, press in the midst of the entries, wait until all is quiet, count."""
        begun_ms = await self._stack.venue.time_ms()
        async with self._flooding():
            await eventually(self._some, within_s=20, every_s=0.005, what="entries are made")
            await asyncio.sleep(self._chance.uniform(0.0, 0.12))
            pressed_ms, flat_ms = await self._pressed(case)
            await asyncio.sleep(1.0)
        return await self._counted(begun_ms, pressed_ms, flat_ms)

    async def _pressed(self, case: Case) -> tuple[float, float | None]:
        """The press itself: its time, and how long until nothing was open."""
        stack = self._stack
        if case is Case.NO_REDIS:
            stack.redis.kill()
            pressed_ms = time.time_ns() / 1e6
            await close_all(load(environ=stack.environment()))
            return pressed_ms, time.time_ns() / 1e6 - pressed_ms
        if case is Case.NO_NATS:
            stack.nats.kill()
        pressed_ms = time.time_ns() / 1e6
        epoch = await stack.command(Command.STOP)
        await eventually(lambda: self._confirmed(epoch), within_s=20, what="the stop is confirmed")
        return pressed_ms, None

    async def _confirmed(self, epoch: int) -> bool:
        document = await self._stack.state.get(self._stack.keys.account_view, "control")
        return document is not None and document["epoch"] >= epoch

    async def _counted(self, begun_ms: int, pressed_ms: float, flat_ms: float | None) -> Press:
        rows = await asyncio.gather(*(self._stack.venue.entries(symbol) for symbol in self._stack.symbols))
        times = [int(row["time"]) for symbol in rows for row in symbol if int(row["time"]) >= begun_ms]
        after = [moment for moment in times if moment > pressed_ms]
        late_ms = max(after, default=pressed_ms) - pressed_ms
        return Press(late_ms, len(times) - len(after), len(after), flat_ms)

    async def recover(self, case: Case) -> None:
        """Whatever is down comes back; trading runs; nothing is open, held or on its way."""
        stack = self._stack
        if case is Case.NO_NATS:
            stack.nats.start()
        if case is Case.NO_REDIS:
            stack.redis.start()
        await eventually(self._publishes, within_s=30, what="both stores answer")
        if case is not Case.NO_REDIS:
            await stack.command(Command.START)
        held = await stack.venue.positions()
        await asyncio.gather(*(stack.venue.close(symbol, amount) for symbol, amount in held.items()))
        await eventually(self._free, within_s=40, every_s=0.05, what="all is forgotten")

    async def _publishes(self) -> bool:
        with contextlib.suppress(MrasterError):
            await self._stack.state.control()
            await self._stack.bus.publish(replace(await self._stack.plan(self._stack.symbols[0], valid_s=-1.0), epoch=0))
            return True
        return False

    async def _free(self) -> bool:
        state, keys = self._stack.state, self._stack.keys
        with contextlib.suppress(MrasterError):
            intents: dict[str, Any] = await self._stack.intents()
            if any(intent["step"] != "done" for intent in intents.values()):
                return False
            open_ = await state.get_all(keys.positions) or await state.get_all(keys.closing) or await state.exposure_entries()
            return not open_ and not await self._stack.venue.positions()
        return False

    async def _some(self) -> bool:
        return bool(await self._stack.venue.positions())

    @contextlib.asynccontextmanager
    async def _flooding(self) -> AsyncIterator[None]:
        """Plans for every symbol over and over: of the present epoch, and of the one that a press would make."""
        stack = self._stack
        control = await stack.state.control()
        epoch = 1 if control is None else control.epoch
        plans = await asyncio.gather(*(stack.plan(symbol, epoch=epoch, valid_s=3.0) for symbol in stack.symbols))
        task = asyncio.create_task(self._flood(list(plans), epoch))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _flood(self, plans: list[Outgoing], epoch: int) -> None:
        number = 0
        while True:
            batch = [again(plan, number, epoch + number % 2) for plan in plans]
            with contextlib.suppress(MrasterError):
                await asyncio.gather(*(self._stack.bus.publish(plan) for plan in batch))
            number += 1
            await asyncio.sleep(PACE_S)


def again(plan: Outgoing, number: int, epoch: int) -> Outgoing:
    """The same wish as a new decision."""
    payload: Any = plan.payload
    fresh = payload.model_copy(update={"close_ms": payload.close_ms + 100_000 * number})
    return replace(plan, payload=fresh, decision_id=intent_hash(fresh.identity()), epoch=epoch)
