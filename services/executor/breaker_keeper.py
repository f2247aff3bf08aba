"""The account's breakers: their state in Redis, fed by reads of equity and by closed trades, told when they trip."""

from typing import Any

from pydantic import TypeAdapter

from services.executor.logic import breakers
from services.executor.logic.breakers import Breaker, BreakerLimits, BreakerState
from services.executor.logic.record import Record
from shared.contracts.control import Alert, Severity
from shared.contracts.envelope import Outgoing
from shared.domain.errors import StoreUnavailable
from shared.domain.units import Usd
from shared.risk.gate import Refused, RefusedReason
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox

FIELD = "breakers"
_STATE = TypeAdapter(BreakerState)


class BreakerKeeper:
    """One state per account. Equity is sampled at fixed venue times, so that a replay trips at the same trade."""

    def __init__(self, ctx: Context, outbox: Outbox) -> None:
        self._ctx = ctx
        self._outbox = outbox
        self._state: BreakerState | None = None
        self._stored: BreakerState | None = None
        self._tripped: set[RefusedReason] = set()
        self.last_equity: Usd | None = None

    async def load(self) -> None:
        """The state of an earlier life."""
        document = await self._ctx.state.get(self._ctx.keys.account_view, FIELD)
        self._state = self._stored = None if document is None else _STATE.validate_python(document)

    @property
    def limits(self) -> BreakerLimits:
        """The settings as they are now."""
        risk = self._ctx.settings.risk
        return BreakerLimits(risk.max_daily_loss, risk.max_drawdown, risk.max_loss_streak)

    @property
    def day_opening(self) -> Usd | None:
        """What the UTC day began with."""
        return None if self._state is None else self._state.day_opening

    async def sample(self, equity: Usd) -> tuple[Breaker, ...]:
        """Equity was read: all breakers as they stand now."""
        now_ms = self._ctx.clock.now_ms()
        self.last_equity = equity
        state = self._state or breakers.begin(equity, now_ms)
        self._state = breakers.observe(state, equity, now_ms)
        await self._save()
        stand = breakers.judge(self._state, equity, now_ms, self.limits)
        self._tell(stand, now_ms)
        return stand

    async def refusal(self, equity: Usd) -> Refused | None:
        """Whether entries are forbidden, by equity that was just read."""
        return breakers.refusal(await self.sample(equity))

    def stand(self, equity: Usd) -> tuple[Breaker, ...]:
        """All breakers for an equity, nothing remembered."""
        return () if self._state is None else breakers.judge(self._state, equity, self._ctx.clock.now_ms(), self.limits)

    def closed(self, record: Record) -> None:
        """A trade of ours ended; written with the next sample."""
        if self._state is not None and record.owned:
            self._state = breakers.closed(self._state, record.position_id, record.net, record.fills[-1].time_ms, self.limits)

    def transferred(self, amount: Usd) -> None:
        """Money was paid in or out."""
        if self._state is not None:
            self._state = breakers.transfer(self._state, amount)

    async def reset(self, equity: Usd) -> None:
        """A person relaunches: the peak is now."""
        if self._state is not None:
            self._state = breakers.reset(self._state, equity)
        await self._save()

    async def _save(self) -> None:
        if self._state is None or self._state == self._stored:
            return
        state, document = self._state, _STATE.dump_python(self._state, mode="json")
        try:
            await self._ctx.state.put(self._ctx.keys.account_view, FIELD, document)
        except StoreUnavailable as error:
            self._ctx.log.warning("breakers_not_stored", detail=str(error))
            return
        self._stored = state

    def _tell(self, stand: tuple[Breaker, ...], now_ms: int) -> None:
        """An alert when a breaker trips, once for as long as it is tripped."""
        tripped = {breaker.reason for breaker in stand if breaker.tripped}
        for breaker in stand:
            if breaker.tripped and breaker.reason not in self._tripped:
                params = {
                    "current": f"{breaker.current:.4f}".rstrip("0").rstrip("."),
                    "limit": str(breaker.limit),
                    "until_ms": str(breaker.until_ms or ""),
                }
                name = f"{breaker.reason}:{now_ms // breakers.DAY_MS}"
                alert = Alert(severity=Severity.CRITICAL, code=f"breaker_{breaker.reason.value}", alert_id=name, params=params)
                self._outbox.put([Outgoing(alert, ts_ms=now_ms)])
        self._tripped = tripped


def row(breaker: Breaker) -> dict[str, Any]:
    """A breaker for readers: name, current, limit, and until when entries are refused."""
    return {
        "name": breaker.reason.value,
        "current": str(breaker.current),
        "limit": str(breaker.limit),
        "tripped": breaker.tripped,
        "until_ms": breaker.until_ms,
    }
