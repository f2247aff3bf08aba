"""One idea from candle to closed trade, as a row with its steps."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from services.dashboard.logic.adjusted import Adjusted, adjusted_of, main_cause
from services.dashboard.logic.answers import Answer
from shared.contracts.ai import Postmortem
from shared.contracts.bracket import BracketEvent, BracketEventKind
from shared.contracts.envelope import Meta
from shared.contracts.order import Leg, OrderEvent, OrderEventKind, PositionEvent, PositionEventKind, TradeClosed
from shared.contracts.plan import Plan, Verdict
from shared.contracts.signal import Signal, Skip
from shared.domain.order import Direction

MAX_STEPS = 40


class Stage(StrEnum):
    """How far an idea has come, in order; the last of them that was reached is shown."""

    CANDIDATE = "candidate"
    SKIPPED = "skipped"
    DECLINED = "declined"
    PLANNED = "planned"
    SENT = "sent"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    REJECTED = "rejected"
    OPEN = "open"
    CLOSED = "closed"


_RANK = {stage: number for number, stage in enumerate(Stage)}


class StepKind(StrEnum):
    """What a step tells about; with the code it is a text of the catalogue."""

    SKIP = "skip"
    CANDIDATE = "candidate"
    PLAN = "plan"
    ORDER = "order"
    POSITION = "position"
    BRACKET = "bracket"
    TRADE = "trade"
    POSTMORTEM = "postmortem"


class Step(Answer):
    """Something that happened on the way. `id` is the message's id, so that a repeated message is one step."""

    id: str
    ms: int
    kind: StepKind
    code: str
    leg: Leg | None = None
    reason: str = ""
    detail: str = ""
    price: Decimal | None = None
    quantity: Decimal | None = None


class DecisionRow(Answer):
    """`reason_kind` and `reason` say which text of the catalogue explains it: skip, plan, order or exit and its code.

    `value` against `limit` is the number that failed a filter, `adjusted` what each adviser changed. Times are venue milliseconds.
    """

    decision_id: str
    symbol: str
    stage: Stage
    ms: int
    updated_ms: int
    direction: Direction | None = None
    setup: str | None = None
    interval: str | None = None
    price: Decimal | None = None
    edge_r: float | None = None
    reason_kind: str = ""
    reason: str = ""
    value: float | None = None
    limit: float | None = None
    explanation: str = ""
    source: str | None = None
    quantity: Decimal | None = None
    average_price: Decimal | None = None
    net_usd: Decimal | None = None
    r: Decimal | None = None
    adjusted: tuple[Adjusted, ...] = ()
    steps: tuple[Step, ...] = ()


def blank(decision_id: str, symbol: str, ms: int) -> DecisionRow:
    """A row of which nothing is known yet."""
    return DecisionRow(decision_id=decision_id, symbol=symbol, stage=Stage.CANDIDATE, ms=ms, updated_ms=ms)


def with_signal(row: DecisionRow, signal: Signal, meta: Meta) -> DecisionRow:
    """A candidate, or a skip with the number that failed."""
    known = {
        "direction": signal.direction,
        "setup": signal.setup.value,
        "interval": signal.interval,
        "price": _decimal(signal.price),
        "edge_r": signal.edge_r,
        "ms": signal.close_ms,
    }
    row = row.model_copy(update=known)
    if isinstance(signal, Skip):
        facts = {"reason_kind": "skip", "reason": signal.reason.value, "value": signal.value, "limit": signal.limit}
        return _reached(row, Stage.SKIPPED, _step(meta, StepKind.SKIP, signal.reason.value), facts)
    return _reached(row, Stage.CANDIDATE, _step(meta, StepKind.CANDIDATE, signal.setup.value), {})


def with_plan(row: DecisionRow, plan: Plan, meta: Meta) -> DecisionRow:
    """TAKE or SKIP, by whom and why."""
    stage = Stage.PLANNED if plan.verdict is Verdict.TAKE else Stage.DECLINED
    facts: dict[str, object] = {
        "direction": plan.direction,
        "setup": plan.setup.value,
        "interval": plan.interval,
        "price": _decimal(plan.price),
        "edge_r": plan.edge_r,
        "source": plan.source.value,
        "explanation": plan.explanation,
        "reason_kind": "plan",
        "reason": plan.reason.value,
    }
    row = row.model_copy(update={"adjusted": adjusted_of(plan)})
    step = _step(meta, StepKind.PLAN, plan.verdict.value, reason=plan.reason.value, detail=plan.explanation)
    return _reached(row, stage, step, facts)


_ORDER_STAGES = {
    OrderEventKind.SUBMITTED: Stage.SENT,
    OrderEventKind.ACCEPTED: Stage.SENT,
    OrderEventKind.UNKNOWN: Stage.UNKNOWN,
    OrderEventKind.REFUSED: Stage.REFUSED,
    OrderEventKind.REJECTED: Stage.REJECTED,
    OrderEventKind.PARTIAL: Stage.OPEN,
    OrderEventKind.FILLED: Stage.OPEN,
}


def with_order(row: DecisionRow, event: OrderEvent, meta: Meta) -> DecisionRow:
    """An event of any order of this idea; only those of the entry move the stage."""
    step = _step(
        meta,
        StepKind.ORDER,
        event.event.value,
        leg=event.leg,
        reason=event.reason,
        detail=event.detail,
        price=event.last_price or event.average_price or event.trigger_price or event.price,
        quantity=event.last_quantity or event.filled or event.quantity,
    )
    stage = _ORDER_STAGES.get(event.event) if event.leg is Leg.ENTRY else None
    facts: dict[str, object] = {}
    if stage in {Stage.REFUSED, Stage.REJECTED} and event.reason:
        facts = {"reason_kind": "order", "reason": event.reason, "explanation": event.detail}
    return _reached(row, stage, step, facts)


def with_position(row: DecisionRow, event: PositionEvent, meta: Meta) -> DecisionRow:
    """Opened, changed, closed."""
    step = _step(meta, StepKind.POSITION, event.event.value, price=event.entry_price, quantity=event.quantity)
    if event.event is PositionEventKind.CLOSED:
        return _reached(row, Stage.CLOSED, step, {"direction": event.direction})
    facts = {"direction": event.direction, "quantity": event.quantity, "average_price": event.entry_price}
    return _reached(row, Stage.OPEN, step, facts)


def with_bracket(row: DecisionRow, event: BracketEvent, meta: Meta) -> DecisionRow:
    """What the guard saw or did; never moves the stage."""
    detail = "" if event.event is not BracketEventKind.NAKED_MS else str(event.duration_ms)
    step = _step(meta, StepKind.BRACKET, event.event.value, leg=event.leg, reason=event.reason, detail=detail, price=event.trigger_price)
    return _reached(row, None, step, {})


def with_trade(row: DecisionRow, trade: TradeClosed, meta: Meta) -> DecisionRow:
    """The result."""
    facts = {
        "direction": trade.direction,
        "setup": None if trade.setup is None else trade.setup.value,
        "interval": trade.interval,
        "reason_kind": "exit",
        "reason": trade.exit_reason.value,
        "quantity": trade.quantity,
        "average_price": trade.entry_price,
        "net_usd": trade.net_usd,
        "r": trade.r,
    }
    step = _step(meta, StepKind.TRADE, trade.exit_reason.value, price=trade.exit_price, quantity=trade.quantity)
    return _reached(row, Stage.CLOSED, step, facts)


def with_postmortem(row: DecisionRow, review: Postmortem, meta: Meta) -> DecisionRow:
    """What the rules say about the path of the trade."""
    return _reached(row, None, _step(meta, StepKind.POSTMORTEM, main_cause(review)), {})


def _reached(row: DecisionRow, stage: Stage | None, step: Step, facts: Mapping[str, object]) -> DecisionRow:
    """The row with a step more. Messages of several streams come in any order: facts of an earlier stage do not hide later ones."""
    if any(step.id == known.id for known in row.steps):
        return row
    steps = tuple(sorted((*row.steps, step), key=lambda one: one.ms))[-MAX_STEPS:]
    update: dict[str, object] = {"steps": steps, "updated_ms": max(row.updated_ms, step.ms)}
    if stage is not None and _RANK[stage] >= _RANK[row.stage]:
        update |= {"stage": stage, **facts}
    elif stage is not None:
        update |= {name: value for name, value in facts.items() if getattr(row, name) in {None, ""}}
    return row.model_copy(update=update)


def _step(meta: Meta, kind: StepKind, code: str, **more: object) -> Step:
    return Step.model_validate({"id": meta.id, "ms": meta.ts_ms, "kind": kind, "code": code, **more})


def _decimal(value: float) -> Decimal:
    """A float through its shortest text."""
    return Decimal(repr(value))
