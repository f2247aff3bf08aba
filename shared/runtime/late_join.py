"""Bus and store of a service that starts alone: tried once at start, then joined in the background when they answer."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.bus.nats_bus import NatsBus
from shared.config.load import load
from shared.contracts.topic import STREAMS
from shared.domain.errors import BusLost, MrasterError, Transient
from shared.runtime.context import Context

FIRST_TRY_S = 2.0
TRY_S = 30.0
PAUSE_S = 0.5
MOST_S = 4.0


class LateJoin:
    """Connects what is away. `lost` is what the lifecycle watches: the bus closed for good, or an error that waiting does not cure."""

    def __init__(self, ctx: Context, bus: NatsBus) -> None:
        self._ctx = ctx
        self._bus = bus
        self.lost: asyncio.Future[BusLost] = asyncio.get_running_loop().create_future()
        self._away: dict[str, Callable[[float], Awaitable[None]]] = {"bus": self._join_bus, "store": self._join_store}

    async def first_try(self) -> None:
        """Both at once, and not for long."""
        await asyncio.gather(*(self._attempt(name, FIRST_TRY_S) for name in list(self._away)))

    async def run(self) -> None:
        """Until both are there; then nothing more is to be done."""
        pause_s = PAUSE_S
        try:
            while self._away:
                await asyncio.gather(*(self._attempt(name, TRY_S) for name in list(self._away)))
                if self._away:
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, MOST_S)
        except MrasterError as error:
            if not self.lost.done():
                self.lost.set_exception(error)

    async def _attempt(self, name: str, deadline_s: float) -> None:
        try:
            await self._away[name](deadline_s)
        except Transient as error:
            self._ctx.log.warning("goes_on_without", away=name, detail=str(error))
        else:
            del self._away[name]

    async def _join_bus(self, deadline_s: float) -> None:
        if not self._bus.connected:
            await self._bus.connect(deadline_s)
            self._bus.lost.add_done_callback(self._hear_lost)
        if self._ctx.options.provision:
            await self._bus.provision(STREAMS)

    async def _join_store(self, _deadline_s: float) -> None:
        revision = await self._ctx.state.config()
        if revision.revision:
            self._ctx.settings = load(overrides=dict(revision.overrides))

    def _hear_lost(self, lost: "asyncio.Future[BusLost]") -> None:
        if not self.lost.done() and not lost.cancelled():
            self.lost.set_result(lost.result())
