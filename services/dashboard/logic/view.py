"""Everything that the dashboard shows, in bounded memory: events in, answers out. Time is a parameter."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.dashboard.logic.answers import Absence, Missing, Mode, Status, Times, Trading, Unknown
from services.dashboard.logic.curve import Curve
from services.dashboard.logic.decisions import Decisions
from services.dashboard.logic.frames import Delta, Positions, Snapshot
from services.dashboard.logic.funnel import FunnelCounter
from services.dashboard.logic.learning import Lessons
from services.dashboard.logic.lines import Alerts, Lines
from services.dashboard.logic.roster import Roster, whole_number
from services.dashboard.logic.rows import AccountRow, EquityPoint, PositionRow, Protection, TradeRow, account_row, position_row, trade_row
from services.dashboard.logic.stop_moves import StopAnswers
from shared.contracts.bracket import BracketEvent
from shared.contracts.control import Alert
from shared.contracts.envelope import Meta, Payload
from shared.contracts.ops import Heartbeat, LogRecord
from shared.contracts.order import TradeClosed

TRADE_LIMIT = 500
STATUS_EVERY_MS = 1_000
TRADES_SHOWN = 100
DECISIONS_SHOWN = 150
LOGS_SHOWN = 200
LOGS_PER_DELTA = 100


Documents = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Doors:
    """Whether what we depend on answered the last time."""

    bus: bool
    store: bool
    venue: bool


class View:
    """Facts from events and from the store's documents, and what changed since `take`."""

    def __init__(self, *, interval: str, quote: str, version: str, mode: Mode, roster: Roster | None = None) -> None:
        self._version = version
        self._quote = quote
        self._interval = interval
        self._mode = mode
        self._doors = Doors(bus=False, store=False, venue=False)
        self._trading = Trading(state=None, epoch=None, unknown=Unknown.NOT_WRITTEN)
        self._positions = Positions(rows=(), unknown=Unknown.NOT_WRITTEN)
        self._account = AccountRow(unknown=Unknown.NOT_WRITTEN)
        self._store_read_ms: int | None = None
        self.roster = roster or Roster()
        self.decisions = Decisions()
        self.funnel = FunnelCounter(interval)
        self.lines = Lines()
        self.alerts = Alerts()
        self.curve = Curve()
        self.lessons = Lessons(distances=False)
        self.stop_moves = StopAnswers()
        self._trades: OrderedDict[str, TradeRow] = OrderedDict()
        self._new_trades: list[TradeRow] = []
        self._samples: list[EquityPoint] = []
        self._dirty: set[str] = set()
        self._status_core: object = None
        self._status_sent_ms = 0
        self._funnel_day = 0

    # --- in --------------------------------------------------------------------------------------------------------

    def apply(self, payload: Payload, meta: Meta, wall_ms: int) -> None:
        """Take one message from the bus."""
        if isinstance(payload, Heartbeat):
            self.roster.hear(payload, wall_ms)
        elif isinstance(payload, LogRecord):
            self.lines.add(payload)
        elif isinstance(payload, Alert):
            self.alerts.add(payload, meta)
        else:
            self.funnel.apply(payload, meta)
            self.decisions.apply(payload, meta)
            if isinstance(payload, TradeClosed):
                self._trade(payload, meta)
            elif isinstance(payload, BracketEvent):
                self.stop_moves.hear(payload, meta.ts_ms)

    def _trade(self, trade: TradeClosed, meta: Meta) -> None:
        if trade.position_id in self._trades:
            return
        row = trade_row(trade, meta.decision_id)
        self._trades[trade.position_id] = row
        self._new_trades.append(row)
        self.curve.trade(trade.opened_ms, trade.closed_ms, trade.net_usd)
        self._dirty.add("equity")
        while len(self._trades) > TRADE_LIMIT:
            self._trades.popitem(last=False)

    def set_mode(self, mode: Mode) -> None:
        """What the venue said about itself."""
        self._mode = mode

    def set_doors(self, doors: Doors) -> None:
        """Whether bus, store and venue answered."""
        self._doors = doors

    def set_trading(self, trading: Trading) -> None:
        """Trading state as it is in the store."""
        self._trading = trading

    def set_positions(self, documents: Documents, brackets: Documents | None = None) -> None:
        """All position documents by symbol, and what the guard wants for them: it knows where a stop was moved to."""
        known = brackets or {}
        rows = tuple(position_row(symbol, document, known.get(symbol)) for symbol, document in sorted(documents.items()))
        positions = Positions(rows=tuple(row for row in rows if row.is_open))
        if positions != self._positions:
            self._positions = positions
            self._dirty.add("positions")

    def set_account(self, document: Mapping[str, Any] | None) -> None:
        """The account document."""
        account = account_row(document)
        if account == self._account:
            return
        self._account = account
        self._dirty.add("account")
        if account.opening_usd != self.curve.opening:
            self.curve.opening = account.opening_usd
            self._dirty.add("equity")
        if account.equity_usd is not None and account.updated_ms is not None and self.curve.sample(account.updated_ms, account.equity_usd):
            self._samples.append(EquityPoint(ms=account.updated_ms, usd=account.equity_usd))

    def set_store_read(self, wall_ms: int) -> None:
        """When all documents were last read."""
        self._store_read_ms = wall_ms

    # --- out -------------------------------------------------------------------------------------------------------

    @property
    def positions(self) -> Positions:
        """Open positions."""
        return self._positions

    @property
    def store_read_ms(self) -> int | None:
        """This machine's time of the last good read of the store."""
        return self._store_read_ms

    @property
    def account(self) -> AccountRow:
        """The account's money."""
        return self._account

    def position(self, symbol: str) -> PositionRow | None:
        """One open position."""
        return next((row for row in self._positions.rows if row.symbol == symbol), None)

    def trades(self, limit: int) -> tuple[TradeRow, ...]:
        """Newest first."""
        return tuple(list(self._trades.values())[: -limit - 1 : -1])

    def missing(self, wall_ms: int) -> tuple[Missing, ...]:
        """What is needed and not there."""
        doors = {"bus": self._doors.bus, "store": self._doors.store, "venue": self._doors.venue}
        closed = tuple(Missing(name=name, reason=Absence.UNAVAILABLE) for name, good in doors.items() if not good)
        return (*closed, *self.roster.missing(wall_ms))

    def status(self, times: Times) -> Status:
        """The glance."""
        missing = self.missing(times.wall_ms)
        rows = self._positions.rows
        known = self._positions.unknown is None
        return Status(
            times=times,
            mode=self._mode,
            trading=self._trading,
            services=self.roster.rows(times.wall_ms),
            ready=not missing,
            missing=missing,
            bus_ok=self._doors.bus,
            store_ok=self._doors.store,
            venue_ok=self._doors.venue,
            open_positions=len(rows) if known else None,
            naked=sum(row.stop_state is Protection.MISSING for row in rows) if known else None,
            naked_unknown=sum(row.stop_state is None for row in rows),
            naked_longest_ms=whole_number(self.roster.fact("bracket_guard", "naked_max_ms", times.wall_ms)),
            store_read_ms=self._store_read_ms,
            version=self._version,
            quote=self._quote,
            interval=self._interval,
        )

    def snapshot(self, times: Times, *, hub: str, seq: int) -> Snapshot:
        """Everything, for a page that just connected."""
        return Snapshot(
            hub=hub,
            seq=seq,
            times=times,
            status=self.status(times),
            account=self._account,
            positions=self._positions,
            trades=self.trades(TRADES_SHOWN),
            decisions=self.decisions.rows(DECISIONS_SHOWN),
            funnel=self.funnel.answer(times.now_ms),
            equity=self.curve.answer(),
            logs=self.lines.rows(LOGS_SHOWN),
            alerts=self.alerts.rows(TRADES_SHOWN),
            learning=self.lessons.answer,
        )

    def take(self, times: Times, seq: int) -> Delta | None:
        """What changed since the last time, None when nothing did. The status comes at least once a second."""
        changes: dict[str, object] = {
            "status": self._take_status(times),
            "account": self._account if "account" in self._dirty else None,
            "positions": self._positions if "positions" in self._dirty else None,
            "trades": tuple(self._new_trades[-TRADES_SHOWN:]) or None,
            "decisions": self.decisions.take(DECISIONS_SHOWN) or None,
            "funnel": self.funnel.answer(times.now_ms) if self._funnel_moved(times) else None,
            "equity": self.curve.answer() if "equity" in self._dirty else None,
            "samples": tuple(self._samples) or None,
            "logs": self.lines.take(LOGS_PER_DELTA) or None,
            "alerts": self.alerts.take() or None,
            "learning": self.lessons.take(),
        }
        self._dirty.clear()
        self._new_trades.clear()
        self._samples.clear()
        present = {name: value for name, value in changes.items() if value is not None}
        return Delta.model_validate({"seq": seq, "times": times, **present}) if present else None

    def _take_status(self, times: Times) -> Status | None:
        status = self.status(times)
        core = status.model_copy(update={"times": None, "services": tuple(row.state for row in status.services), "store_read_ms": None})
        due = times.wall_ms - self._status_sent_ms >= STATUS_EVERY_MS
        if core == self._status_core and not due:
            return None
        self._status_core = core
        self._status_sent_ms = times.wall_ms
        return status

    def _funnel_moved(self, times: Times) -> bool:
        day = self.funnel.answer(times.now_ms).day_ms
        new_day, self._funnel_day = day != self._funnel_day, day
        return self.funnel.take_changed() or new_day
