"""What the guard tells: bracket events and alerts, through the outbox, which keeps them while the bus is away."""

from services.bracket_guard.logic.desired import Desired
from services.bracket_guard.logic.moves import Move
from services.bracket_guard.logic.naked import Gap
from shared.contracts.bracket import BracketEvent, BracketEventKind, StopRefusal
from shared.contracts.control import Alert, Severity
from shared.contracts.envelope import Outgoing
from shared.contracts.order import Leg
from shared.domain.position import VenuePosition
from shared.domain.units import Price
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox

MOST_SEEN = 2_000


class Telling:
    """Makes the messages."""

    def __init__(self, ctx: Context, outbox: Outbox) -> None:
        self._ctx = ctx
        self._outbox = outbox
        self._seen: set[str] = set()

    def event(self, event: BracketEvent, ts_ms: int | None = None) -> None:
        """One event; the log has it as well."""
        shown = event.model_dump(mode="json", exclude_none=True, exclude={"event"})
        self._ctx.log.info("bracket", kind=event.event.value, **shown)
        self._outbox.put([Outgoing(event, ts_ms=self._ctx.clock.now_ms() if ts_ms is None else ts_ms)])

    def gap(self, gap: Gap) -> None:
        """How long a position had no resting stop."""
        self.event(
            BracketEvent(
                event=BracketEventKind.NAKED_MS,
                symbol=gap.symbol,
                position_id=gap.position_id,
                leg=Leg.STOP,
                client_id=gap.client_id,
                duration_ms=gap.duration_ms,
                serial=str(gap.serial),
            )
        )

    def moved(self, kind: BracketEventKind, move: Move, desired: Desired, previous: Price | None, client_id: str) -> None:
        """A stop was moved on purpose; the venue time is that of the decision."""
        event = BracketEvent(
            event=kind,
            symbol=move.symbol,
            position_id=desired.position_id,
            leg=Leg.STOP,
            client_id=client_id,
            trigger_price=desired.stop_price,
            previous_price=previous,
            reason=move.reason[:200],
            serial=str(desired.moves),
            command_id=move.command_id,
        )
        self.event(event, desired.moved_ms)

    def refused(self, move: Move, why: StopRefusal, stop: Price | None) -> None:
        """A person's move was not made; `stop` is where it stays."""
        event = BracketEvent(
            event=BracketEventKind.MOVE_REFUSED,
            symbol=move.symbol,
            position_id=move.position_id,
            leg=Leg.STOP,
            previous_price=stop,
            reason=why.value,
            serial=move.command_id,
            command_id=move.command_id,
        )
        self.event(event)

    def foreign(self, position: VenuePosition, reason: str) -> None:
        """A position that is not ours, once; the alert is the executor's."""
        name = f"{position.symbol}:{position.direction}:{position.entry_price}"
        if name in self._seen:
            return
        if len(self._seen) > MOST_SEEN:
            self._seen.clear()
        self._seen.add(name)
        self.event(
            BracketEvent(
                event=BracketEventKind.FOREIGN_SEEN,
                symbol=position.symbol,
                position_id="",
                quantity=position.quantity,
                reason=reason,
                serial=name,
            )
        )

    def alert(self, severity: Severity, code: str, alert_id: str, **params: str) -> None:
        """Something that a person should know."""
        alert = Alert(severity=severity, code=code, alert_id=alert_id, params=params)
        self._outbox.put([Outgoing(alert, ts_ms=self._ctx.clock.now_ms())])
