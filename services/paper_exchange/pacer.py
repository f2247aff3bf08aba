"""Venue time against this machine's time, and the loop that moves the market."""

import asyncio
import math
from collections.abc import Callable

from services.paper_exchange.logic.timeline import Batch, BatchKind
from services.paper_exchange.logic.venue import Venue
from services.paper_exchange.wall import Wall

_YIELD_S = 0.002
"""At full speed the market gives way to requests this often."""


class Pacer:
    """Moves a venue at `speed` venue seconds per second. When the machine cannot keep up, venue time slows down."""

    def __init__(self, venue: Venue, wall: Wall, speed: float, *, lock_step: bool) -> None:
        self.venue = venue
        self.wall = wall
        self.speed = speed
        self.lock_step = lock_step
        self.paused = False
        self.ended = False
        self.on_batch: Callable[[Batch], None] = lambda _batch: None
        self._anchor_ms = float(venue.desk.time_ms)
        self._anchor_s = wall.monotonic_s()
        self._wake = asyncio.Event()

    @property
    def free(self) -> bool:
        """Whether time runs by itself at a finite speed."""
        return not (self.lock_step or self.paused or self.ended or math.isinf(self.speed))

    def now_ms(self) -> int:
        """Venue time: between the last batch and the next one, never backwards."""
        last = self.venue.desk.time_ms
        if not self.free:
            return last
        coming = self.venue.timeline.next()
        return last if coming is None else max(last, min(int(self._target()), coming.time_ms))

    def _target(self) -> float:
        return self._anchor_ms + (self.wall.monotonic_s() - self._anchor_s) * 1000 * self.speed

    def anchor(self, venue_ms: float) -> None:
        """Let venue time be this now."""
        self._anchor_ms, self._anchor_s = venue_ms, self.wall.monotonic_s()

    def pause(self, *, paused: bool) -> None:
        """Stop and restart the market."""
        now = self.now_ms()
        self.paused = paused
        self.anchor(now)
        self._wake.set()

    def set_speed(self, speed: float) -> None:
        """Change the speed from now on."""
        now = self.now_ms()
        self.speed = speed
        self.anchor(now)
        self._wake.set()

    def step(self) -> Batch | None:
        """Do one batch and everything that follows from it."""
        batch = self.venue.step()
        if batch is None:
            self.ended = True
            return None
        self.on_batch(batch)
        self.venue.settle(batch)
        return batch

    def step_until_close(self) -> Batch | None:
        """Batches up to and including the next one that closes candles."""
        batch = self.step()
        while batch is not None and batch.kind is not BatchKind.CLOSES:
            batch = self.step()
        return batch

    async def run(self) -> None:
        """Move the market until the data are over."""
        while not self.ended:
            self._wake.clear()
            if self.lock_step or self.paused:
                await self._wake.wait()
            elif math.isinf(self.speed):
                await self._rush()
            else:
                await self._wait_and_step()

    async def _rush(self) -> None:
        until = self.wall.monotonic_s() + _YIELD_S
        while not self.ended and self.wall.monotonic_s() < until:
            self.step()
        await asyncio.sleep(0)

    async def _wait_and_step(self) -> None:
        coming = self.venue.timeline.next()
        if coming is None:
            self.step()
            return
        wait = (coming.time_ms - self._target()) / 1000 / self.speed
        if wait > 0:
            try:
                await asyncio.wait_for(self._wake.wait(), wait)
            except TimeoutError:
                pass
            else:
                return
        if wait < -1.0:
            self.anchor(coming.time_ms)
        self.step()
        await asyncio.sleep(0)
