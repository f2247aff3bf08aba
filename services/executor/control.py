"""Commands of people, followed to the venue and confirmed there.

The truth is the trading state in Redis: it is looked at on a timer, so a command also works when its message never comes.
"""

import asyncio
from collections.abc import Awaitable, Callable

from services.executor.closing import Closing, late
from services.executor.core import Core
from services.executor.exits import Exits
from services.executor.logic.intent import Step
from services.executor.reconcile import Reconciler
from services.executor.resting import Resting
from shared.contracts.control import Alert, Command, ControlCommand, Severity
from shared.contracts.envelope import Meta, Outgoing
from shared.contracts.order import ExitReason
from shared.domain.control import TradingState
from shared.domain.errors import StoreUnavailable
from shared.state.port import Control as Trading

FIELD = "control"
LOOK_S = 0.5
_AGAIN_S = 0.3
_OPENING = frozenset({Step.SENT, Step.RESTING})


class Control:
    """Follows each epoch once; what was not finished before a crash is followed again."""

    def __init__(
        self, core: Core, *, exits: Exits, resting: Resting, reconciler: Reconciler, relaunched: Callable[[], Awaitable[None]]
    ) -> None:
        self._ctx = core.ctx
        self._private = core.private
        self._intents = core.intents
        self._closing = Closing(core, exits=exits, resting=resting, reconciler=reconciler)
        self._resting = resting
        self._reconciler = reconciler
        self._outbox = core.outbox
        self._relaunched = relaunched
        self._lock = asyncio.Lock()
        self._followed = 0

    async def load(self) -> None:
        """The last epoch that was followed to the end."""
        document = await self._ctx.state.get(self._ctx.keys.account_view, FIELD)
        self._followed = 0 if document is None else int(document["epoch"])

    async def on_control(self, command: ControlCommand, meta: Meta) -> list[Outgoing]:
        """A command's message. State and epoch are already changed in Redis: an old message only leads to a look at them."""
        if command.command is Command.CLOSE_POSITION and command.symbol:
            return await self._closing.asked(command, command.symbol, meta)
        if command.command is Command.CANCEL:
            if not late(meta, self._ctx.clock):
                self._resting.cancel_all("asked", command.symbol)
            return []
        try:
            await self.look()
        except StoreUnavailable:
            if command.command is not Command.FLATTEN or late(meta, self._ctx.clock):
                raise
            await self._flatten(command.author, None)
        return []

    async def look(self) -> None:
        """Follow the trading state if it is another one than what was followed.

        A lower epoch is no older word: the store has lost the state, and its epochs began anew.
        """
        control = await self._ctx.state.control()
        if control is None or control.epoch == self._followed:
            self._followed = 0 if control is None else self._followed
            if control is not None and control.state is not TradingState.RUNNING:
                self._resting.cancel_all(control.state.value)
            return
        async with self._lock:
            control = await self._ctx.state.control()  # what was read before the wait may have been followed meanwhile
            if control is not None and control.epoch != self._followed:
                await self._follow(control)

    async def _follow(self, control: Trading) -> None:
        self._ctx.log.info("control", state=control.state, epoch=control.epoch, command=str(control.command), reason=control.reason)
        if control.command is Command.RELAUNCH:
            await self._relaunched()
            await self._reconciler.run()
        if self._flatten_wanted(control) and not await self._flatten(control.author, control.epoch):
            return
        if control.state is TradingState.RUNNING or await self._until_still(control):
            await self._confirm(control)

    def _flatten_wanted(self, control: Trading) -> bool:
        """Whether this command is a flatten, or follows one that nobody acted on. After a loss of the store, epochs begin anew."""
        followed = self._followed if self._followed < control.epoch else 0
        return control.command is Command.FLATTEN or control.flatten_epoch > followed

    async def _until_still(self, control: Trading) -> bool:
        """Wait until no entry is on its way or rests: after this, the venue holds nothing of ours that opens a position.

        False when another command came: that one is to be followed now, not when the last entry has ended.
        """
        began = frozenset(self._intents.entering)
        while self._open_entries(began, _OPENING):
            self._resting.cancel_all(control.state.value)
            await asyncio.sleep(_AGAIN_S)
            if await self._changed(control.epoch):
                return False
        return True

    def _open_entries(self, began: frozenset[str], steps: frozenset[Step]) -> bool:
        """Whether an entry is in one of the steps, or of those that had begun, may have its permission and not know it yet."""
        unfinished = self._intents.unfinished
        if any(intent.step in steps for intent in unfinished.values()):
            return True
        return any(name not in unfinished or unfinished[name].step is Step.RESERVED for name in began & self._intents.entering)

    async def _confirm(self, control: Trading) -> None:
        """Durable first, then told: positions and resting entries as the venue has them."""
        positions = await self._private.positions()
        now = self._ctx.clock.now_ms()
        document = {
            "epoch": control.epoch,
            "state": control.state.value,
            "command": None if control.command is None else control.command.value,
            "positions": len(positions),
            "resting_entries": len(self._resting.waiting()),
            "confirmed_ms": now,
        }
        await self._ctx.state.put(self._ctx.keys.account_view, FIELD, document)
        self._followed = control.epoch
        if control.command is not None:
            params = {name: str(document[name]) for name in ("state", "epoch", "positions", "resting_entries")}
            params |= {"author": control.author, "reason": control.reason}
            alert = Alert(
                severity=Severity.INFO, code=f"{control.command.value}_confirmed", alert_id=f"epoch:{control.epoch}", params=params
            )
            self._outbox.put([Outgoing(alert, ts_ms=now, epoch=control.epoch)])

    async def _flatten(self, author: str, epoch: int | None) -> bool:
        """Close everything until the venue shows nothing, entries in doubt included. False when a newer "start" ended it."""
        began = frozenset(self._intents.entering)
        while not self._ctx.stopping.is_set():
            self._resting.cancel_all(ExitReason.FLATTEN.value)
            positions = await self._private.positions()
            if not positions and not self._open_entries(began, _OPENING | {Step.FILLED}):
                return True
            if epoch is not None and await self._superseded(epoch):
                return False
            await asyncio.gather(*(self._closing.close(seen, ExitReason.FLATTEN, author) for seen in positions))
            await asyncio.sleep(_AGAIN_S)
        return False

    async def _changed(self, epoch: int) -> bool:
        """Whether another command counts now; while the store is away, none is known of."""
        try:
            control = await self._ctx.state.control()
        except StoreUnavailable:
            return False
        return control is None or control.epoch != epoch

    async def _superseded(self, epoch: int) -> bool:
        try:
            control = await self._ctx.state.control()
        except StoreUnavailable:
            return False
        return control is not None and control.epoch > epoch and control.state is TradingState.RUNNING
