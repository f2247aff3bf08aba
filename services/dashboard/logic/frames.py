"""What goes over the WebSocket: one snapshot, then deltas with sequence numbers."""

from typing import Literal

from services.dashboard.logic.answers import Answer, Status, Times, Unknown
from services.dashboard.logic.decision import DecisionRow
from services.dashboard.logic.funnel import Funnel
from services.dashboard.logic.learning import Learning
from services.dashboard.logic.lines import AlertRow, LogRow
from services.dashboard.logic.rows import AccountRow, Equity, EquityPoint, PositionRow, TradeRow


class Positions(Answer):
    """Open positions; `rows` is empty *and* `unknown` set when they could never be read."""

    rows: tuple[PositionRow, ...]
    unknown: Unknown | None = None


class Snapshot(Answer):
    """Everything that the page shows. `hub` tells one dashboard process from another: sequence numbers are its own."""

    kind: Literal["snapshot"] = "snapshot"
    hub: str
    seq: int
    times: Times
    status: Status
    account: AccountRow
    positions: Positions
    trades: tuple[TradeRow, ...]
    decisions: tuple[DecisionRow, ...]
    funnel: Funnel
    equity: Equity
    logs: tuple[LogRow, ...]
    alerts: tuple[AlertRow, ...]
    learning: Learning


class Delta(Answer):
    """What changed; absent sections did not.

    `status`, `account`, `positions`, `funnel`, `equity`, `learning` replace; `trades`, `decisions`, `alerts` are put in by their id;
    `logs` and `samples` are appended.
    """

    kind: Literal["delta"] = "delta"
    seq: int
    times: Times
    status: Status | None = None
    account: AccountRow | None = None
    positions: Positions | None = None
    trades: tuple[TradeRow, ...] | None = None
    decisions: tuple[DecisionRow, ...] | None = None
    funnel: Funnel | None = None
    equity: Equity | None = None
    samples: tuple[EquityPoint, ...] | None = None
    logs: tuple[LogRow, ...] | None = None
    alerts: tuple[AlertRow, ...] | None = None
    learning: Learning | None = None
