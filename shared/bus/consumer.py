"""Consuming, the same on every broker: what is in hand, lanes, keeping alive, draining.

The life of a message: it arrives and is in hand (kept alive from then on), waits for the lane of its symbol, is attempted
(`attempt.py`), and leaves with a verdict.
"""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from shared.bus.attempt import Handling, Held, persist
from shared.bus.delivery import Delivery, OpenSource, Source, Window
from shared.bus.lanes import Lanes
from shared.bus.observer import Outcome
from shared.bus.port import Consumption
from shared.contracts.topic import Topic
from shared.domain.errors import BusLost, BusUnavailable

_LOG = logging.getLogger("mraster.bus")
WINDOW_LIMIT = 64  # messages of one consumer in hand at once
_OPEN_S = 10.0  # how long a start waits for a broker that blinks
_LAST_WORDS_S = 0.5  # what running handlers get when the process must end anyway
_REMEMBERED = 4096  # messages that are over, to recognise late repeats
_CANCEL_S = 1.0  # what a cancelled handler gets to clean up


def lane_key(topic: Topic, subject: str) -> str:
    """What must not be handled side by side: the symbol, or everything of a topic that has no symbol."""
    return subject.rpartition(".")[2] if topic.keys[-1:] == ("symbol",) else topic.name


class Ended:
    """The newest messages that are over and done with, so that one whose acknowledgement came too late is not handled again."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._keys: dict[tuple[str, str, int, str], None] = {}

    def add(self, consumption: Consumption, delivery: Delivery) -> None:
        """Remember; messages without an id are not told apart and not remembered."""
        if delivery.message_id:
            self._keys[self._key(consumption, delivery)] = None
            if len(self._keys) > self._size:
                del self._keys[next(iter(self._keys))]

    def has(self, consumption: Consumption, delivery: Delivery) -> bool:
        """Whether this delivery repeats one of them."""
        return delivery.attempt > 1 and self._key(consumption, delivery) in self._keys

    def _key(self, consumption: Consumption, delivery: Delivery) -> tuple[str, str, int, str]:
        return (consumption.durable, delivery.stream, delivery.sequence, delivery.message_id)


class Consumer:
    """Runs a set of consumptions until drained, cancelled, or something fatal."""

    def __init__(self, consumptions: Sequence[Consumption], lanes: int, open_source: OpenSource, handling: Handling) -> None:
        self._handling = handling
        self._lanes: Lanes[Held] = Lanes(lanes, self._work)
        self._width = lanes
        self._held: dict[tuple[str, str, int], Held] = {}
        self._ended = Ended(_REMEMBERED)
        self._empty = asyncio.Event()
        self._empty.set()
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._finished = asyncio.Event()
        self._grace_s = _LAST_WORDS_S
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self._returns: set[asyncio.Task[None]] = set()
        self._consumptions = list(consumptions)
        self._sources = [self._source(c, open_source) for c in consumptions]

    def _source(self, consumption: Consumption, open_source: OpenSource) -> Source:
        def arrive(delivery: Delivery) -> None:
            self._arrive(consumption, source, delivery)

        source = open_source(consumption, arrive, Window(self._width, max(WINDOW_LIMIT, self._width)))
        return source

    async def run(self, lost: "asyncio.Future[BusLost]") -> None:
        """Handle messages until `drain`.

        Raises:
            Fatal: a handler said so, or the connection is closed for good (`BusLost`).
        """
        try:
            self._start(*(self._lanes.run_one() for _ in range(self._width)))
            self._start(*(self._keep_alive(c) for c in self._consumptions))
            for source in self._sources:
                await persist(source.open, _OPEN_S)
            ends: list[asyncio.Future[Any]] = [self._end, lost]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not self._end.done():
                raise lost.result()
            self._end.result()
        finally:
            self._end.cancel()
            await self._shut()
            self._finished.set()

    async def drain(self, grace_s: float) -> None:
        """End `run`: running handlers get the grace, everything else is given back."""
        self._grace_s = grace_s
        if not self._end.done():
            self._end.set_result(None)
        await self._finished.wait()

    async def waiting(self) -> int:
        """Messages of these consumers that are not settled."""
        return sum(await asyncio.gather(*(source.waiting() for source in self._sources)))

    def _start(self, *coroutines: Coroutine[Any, Any, None]) -> None:
        self._tasks += [asyncio.create_task(self._guarded(c)) for c in coroutines]

    async def _guarded(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Whatever goes wrong in the background ends `run`, which raises it."""
        try:
            await coroutine
        except Exception as error:  # noqa: BLE001 - see above
            if not self._end.done():
                self._end.set_exception(error)

    def _arrive(self, consumption: Consumption, source: Source, delivery: Delivery) -> None:
        key = (consumption.durable, delivery.stream, delivery.sequence)
        held = Held(consumption, source, delivery, asyncio.get_running_loop().time())
        if key in self._held:
            # it came again while it is in hand (the broker restarted, say): handle it once, settle the newest copy
            self._held[key].delivery = delivery
            source.release(None)
        elif self._ended.has(consumption, delivery):
            self._spawn(self._acknowledge(held))
        elif self._stopping:
            self._spawn(self._give_back(held))
        else:
            self._held[key] = held
            self._empty.clear()
            self._lanes.put(lane_key(consumption.topic, delivery.subject), held)
            self._feed_lanes()

    def _forget(self, held: Held, waited_s: float | None) -> None:
        self._held.pop((held.consumption.durable, held.delivery.stream, held.delivery.sequence), None)
        held.source.release(waited_s)
        if not self._held:
            self._empty.set()
        self._feed_lanes()

    def _feed_lanes(self) -> None:
        """When a lane has nothing to do although messages are in hand, all of them wait for busy symbols: get others."""
        if self._lanes.starving and not self._stopping:
            for source in self._sources:
                source.widen()

    async def _work(self, held: Held) -> None:
        held.started = True
        self._feed_lanes()
        waited_s = asyncio.get_running_loop().time() - held.arrived_s
        try:
            outcome = await self._handling.attempt(held)
        except Exception:
            self._forget(held, None)
            raise
        if outcome is not Outcome.RETRIED:
            self._ended.add(held.consumption, held.delivery)
        self._forget(held, waited_s)

    async def _keep_alive(self, consumption: Consumption) -> None:
        """Tell the server three times per `ack_wait` that what is in hand, waiting or running, is not forgotten."""
        while True:
            await asyncio.sleep(consumption.ack_wait_s / 3)
            for held in [h for h in self._held.values() if h.consumption is consumption and not h.settled]:
                with contextlib.suppress(BusUnavailable, BusLost):  # it is in hand all the same; a second copy is recognised
                    await held.delivery.keep()

    async def _shut(self) -> None:
        self._stopping = True
        await asyncio.gather(*(self._give_back(held) for held in self._lanes.take_back()))
        for result in await asyncio.gather(*(source.close() for source in self._sources), return_exceptions=True):
            if isinstance(result, Exception):
                _LOG.warning("a consumer did not close cleanly: %s", result)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace_s):
                await self._empty.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=_CANCEL_S)
        await asyncio.gather(*(self._give_back(held) for held in list(self._held.values())), *self._returns)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._returns.add(task)
        task.add_done_callback(self._returns.discard)

    async def _acknowledge(self, held: Held) -> None:
        """Once more: the first time came too late, or was lost."""
        with contextlib.suppress(BusUnavailable, BusLost):  # then it comes once more, and is recognised again
            await held.delivery.ack(confirm=False)
        held.source.release(None)

    async def _give_back(self, held: Held) -> None:
        """So that another process has it at once, not after `ack_wait`."""
        held.settled = True
        try:
            await held.delivery.nak(0.0)
        except (BusUnavailable, BusLost) as error:
            _LOG.info("%s: %s not given back: %s", held.consumption.durable, held.delivery.subject, error)
        self._forget(held, None)
