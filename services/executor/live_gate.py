"""Real money is traded only while the doctor's checks stand; on paper the gate is open."""

from typing import Any

from shared.contracts.control import Alert, Severity
from shared.contracts.envelope import Outgoing
from shared.risk import clearance
from shared.risk.clearance import Stand
from shared.risk.gate import Refused
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox


class LiveGate:
    """Asked before each entry, and on a timer for the screen. Exits and protection never ask."""

    def __init__(self, ctx: Context, outbox: Outbox) -> None:
        core = ctx.settings.core
        self._ctx = ctx
        self._outbox = outbox
        self._paper = core.paper
        self._subject = clearance.mark_of(core.account, str(core.exchange_base), core.api_key.get_secret_value(), core.user_address)
        self._told = ""
        self._now: Stand | None = None

    async def refusal(self) -> Refused | None:
        """Why no entry may be sent; None on paper and when the checks stand.

        Raises:
            StoreUnavailable: it cannot be known now.
        """
        if self._paper:
            return None
        return clearance.refusal(await self.look())

    async def look(self) -> Stand:
        """Read what the doctor left; a person is told when entries are refused for it, once per reason."""
        if self._paper:
            return Stand(allowed=True, detail="")
        found = clearance.from_document(await self._ctx.state.get(self._ctx.keys.doctor, clearance.FIELD))
        now = self._now = clearance.stand(found, self._subject, self._ctx.clock.wall_ms())
        if now.detail != self._told:
            self._told = now.detail
            self._tell(now)
        return now

    async def watch(self) -> None:
        """The same, on a timer."""
        await self.look()

    def row(self) -> dict[str, Any] | None:
        """For readers: whether the checks stand, what is in the way, and until when; None on paper and before the first look."""
        now = self._now
        if now is None:
            return None
        return {"allowed": now.allowed, "detail": now.detail, "at_ms": now.at_ms, "until_ms": now.until_ms}

    def _tell(self, now: Stand) -> None:
        self._ctx.log.info("live_gate", allowed=now.allowed, detail=now.detail)
        if now.allowed:
            return
        wall_ms = self._ctx.clock.wall_ms()
        alert = Alert(
            severity=Severity.CRITICAL,
            code="doctor_needed",
            alert_id=f"{self._subject}:{wall_ms // 1000}",
            params={"detail": now.detail[:200]},
        )
        self._outbox.put([Outgoing(alert, ts_ms=self._ctx.clock.now_ms())])
