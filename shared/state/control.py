"""The trading state and its epoch."""

from collections.abc import Sequence

from shared.contracts.control import Command
from shared.domain.control import TradingState
from shared.domain.errors import Permanent, StateCorrupt
from shared.state.link import RedisPart, nonce
from shared.state.port import Control
from shared.state.store import MemoryPart

TARGET: dict[Command, TradingState] = {
    Command.START: TradingState.RUNNING,
    Command.RELAUNCH: TradingState.RUNNING,
    Command.PAUSE: TradingState.PAUSED,
    Command.FLATTEN: TradingState.PAUSED,
    Command.STOP: TradingState.STOPPED,
}
"""The state after a command; commands that are missing here change nothing."""

_FIELDS = ("state", "epoch", "reason", "author", "changed_ms", "command", "flatten_epoch")


def _never_set() -> Permanent:
    return Permanent("the trading state was never set: expected init_control (the executor's start) before commands", code="control_unset")


class RedisControl(RedisPart):
    """Trading state in Redis."""

    async def control(self) -> Control | None:
        """See `State.control`."""
        row = await self._link.call(lambda client: client.hmget(self._keys.control, list(_FIELDS)))
        return None if all(value is None for value in row) else _parse(self._keys.control, row)

    async def init_control(self, state: TradingState, *, author: str, now_ms: int) -> Control:
        """See `State.init_control`."""
        row = await self._link.script("control_init", (self._keys.control,), state.value, author, now_ms)
        return _parse(self._keys.control, row)

    async def command(self, command: Command, *, author: str, reason: str, now_ms: int) -> Control:
        """See `State.command`."""
        state = TARGET.get(command)
        if state is not None:
            keys = (self._keys.control,)
            row = await self._link.script("control_command", keys, state.value, author, reason, now_ms, nonce(), command.value)
            return _parse(self._keys.control, row)
        current = await self.control()
        if current is None:
            raise _never_set()
        return current


def _parse(key: str, row: Sequence[str]) -> Control:
    try:
        state, epoch, reason, author, changed_ms, command, flatten = row
        last = Command(command) if command else None
        return Control(TradingState(state), int(epoch), reason, author, int(changed_ms), last, int(flatten or 0))
    except (ValueError, TypeError) as error:
        raise StateCorrupt(f"expected {', '.join(_FIELDS[:5])} in {key}: restore or remove it") from error


class MemoryControl(MemoryPart):
    """Trading state in the memory store."""

    async def control(self) -> Control | None:
        """See `State.control`."""
        self._store.check()
        return self._store.controls.get(self._keys.control)

    async def init_control(self, state: TradingState, *, author: str, now_ms: int) -> Control:
        """See `State.init_control`."""
        self._store.check()
        return self._store.controls.setdefault(self._keys.control, Control(state, 1, "", author, now_ms))

    async def command(self, command: Command, *, author: str, reason: str, now_ms: int) -> Control:
        """See `State.command`."""
        current = await self.control()
        state = TARGET.get(command)
        if state is None:
            if current is None:
                raise _never_set()
            return current
        before = current or Control(state, 0, "", "", 0)
        epoch = before.epoch + 1
        flatten = 0 if state is TradingState.RUNNING else epoch if command is Command.FLATTEN else before.flatten_epoch
        after = Control(state, epoch, reason, author, now_ms, command, flatten)
        self._store.controls[self._keys.control] = after
        return after
