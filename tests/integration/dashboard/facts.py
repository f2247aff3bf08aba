"""Made-up facts of a trading morning, as the other services would publish and store them."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from shared.contracts.ai import Postmortem
from shared.contracts.control import Alert, Severity
from shared.contracts.envelope import Outgoing
from shared.contracts.learning import (
    BanditState,
    CalibrationPoint,
    Cause,
    FilterResult,
    HelpValue,
    LearningFunnel,
    LearningReport,
    ModelScore,
    PlaybookNow,
    Regime,
    TunerBucket,
    Worth,
)
from shared.contracts.market import CandleClosed
from shared.contracts.ops import Heartbeat, LogRecord, ServiceState
from shared.contracts.order import ExitReason, Leg, OrderEvent, OrderEventKind, TradeClosed
from shared.contracts.plan import Plan, PlanReason, PlanSource, Verdict
from shared.contracts.signal import Candidate, Setup, Skip, SkipReason, decision_id
from shared.domain.order import Direction, Side, client_id
from shared.domain.units import Price, Qty, Usd

DAY_MS = 86_400_000
MORNING_MS = 1_748_736_000_000 + 9 * 3_600_000
"""2025-06-01 09:00 UTC."""
STEP_MS = 300_000
PRICES = {"BTCUSDT": 104_613.2, "ETHUSDT": 2_518.47, "SOLUSDT": 153.82, "DOGEUSDT": 0.19214, "XRPUSDT": 2.1713, "LINKUSDT": 13.94}


def candle(symbol: str, close_ms: int, *, interval: str = "5m") -> Outgoing:
    """A closed candle."""
    price = PRICES[symbol]
    row = CandleClosed(
        symbol=symbol, interval=interval, open_ms=close_ms - STEP_MS + 1, close_ms=close_ms, open=price, high=price, low=price, close=price,
        volume=10, quote_volume=10 * price, trades=7,
    )  # fmt: skip
    return Outgoing(row, ts_ms=close_ms)


def _signal(symbol: str, close_ms: int, direction: Direction) -> dict[str, Any]:
    price = PRICES[symbol]
    return {
        "symbol": symbol,
        "interval": "5m",
        "close_ms": close_ms,
        "direction": direction,
        "setup": Setup.TREND_CROSS,
        "strength": 0.6,
        "price": price,
        "atr": price * 0.004,
        "stop_distance": price * 0.006,
        "target_distance": price * 0.0105,
        "p_prior": 0.52,
        "p": 0.52,
        "cost_r": 0.11,
        "edge_r": 0.21,
        "spread_ratio": 0.0002,
        "features": {"rsi": 56.0, "trend": 1.0},
    }


def idea(symbol: str, close_ms: int, direction: Direction = Direction.LONG) -> str:
    """The decision id."""
    return decision_id(symbol, "5m", close_ms, direction)


def candidate(symbol: str, close_ms: int, direction: Direction = Direction.LONG) -> Outgoing:
    """A setup that passed."""
    found = Candidate(**_signal(symbol, close_ms, direction), valid_until_ms=close_ms + 30_000)
    return Outgoing(found, ts_ms=close_ms, decision_id=idea(symbol, close_ms, direction))


def skip(symbol: str, close_ms: int, reason: SkipReason, value: float, limit: float, direction: Direction = Direction.LONG) -> Outgoing:
    """A setup that a filter stopped."""
    found = Skip(**_signal(symbol, close_ms, direction), reason=reason, value=value, limit=limit, gap=value / limit - 1)
    return Outgoing(found, ts_ms=close_ms, decision_id=idea(symbol, close_ms, direction))


def plan(symbol: str, close_ms: int, direction: Direction = Direction.LONG, *, reason: PlanReason = PlanReason.EDGE) -> Outgoing:
    """TAKE for the reason edge, SKIP for others."""
    price = PRICES[symbol]
    made = Plan(
        symbol=symbol,
        interval="5m",
        close_ms=close_ms,
        direction=direction,
        setup=Setup.TREND_CROSS,
        verdict=Verdict.TAKE if reason is PlanReason.EDGE else Verdict.SKIP,
        reason=reason,
        source=PlanSource.POLICY,
        edge_r=0.21 if reason is PlanReason.EDGE else 0.02,
        price=price,
        stop_distance=price * 0.006,
        target_distance=price * 0.0105,
        valid_until_ms=close_ms + 30_000,
        explanation="",
        raising={"bucket": Decimal("1.0")},
        reducing={"tuner": Decimal("0.83")},
        target_factors={"playbook": 1.1},
        learned_r={"postmortem": -0.021, "sentinel": 0.0},
    )
    return Outgoing(made, ts_ms=close_ms + 40, decision_id=idea(symbol, close_ms, direction), epoch=1)


def order(symbol: str, close_ms: int, event: OrderEventKind, direction: Direction = Direction.LONG, **more: Any) -> Outgoing:
    """An event of the entry order."""
    key = idea(symbol, close_ms, direction)
    row = OrderEvent(
        event=event, symbol=symbol, intent_id=key, leg=more.pop("leg", Leg.ENTRY), client_id=client_id(key, "e"), side=Side.BUY, **more
    )
    return Outgoing(row, ts_ms=close_ms + 120, decision_id=key, epoch=1)


def filled(symbol: str, close_ms: int, direction: Direction = Direction.LONG) -> Iterator[Outgoing]:
    """Candidate, plan and entry, up to the fill."""
    price = Price(Decimal(str(PRICES[symbol])))
    yield candidate(symbol, close_ms, direction)
    yield plan(symbol, close_ms, direction)
    yield order(symbol, close_ms, OrderEventKind.INTENT, direction, quantity=Qty(Decimal("0.5")))
    yield order(symbol, close_ms, OrderEventKind.SUBMITTED, direction, quantity=Qty(Decimal("0.5")))
    yield order(symbol, close_ms, OrderEventKind.FILLED, direction, last_price=price, last_quantity=Qty(Decimal("0.5")), serial="1")
    yield order(
        symbol, close_ms, OrderEventKind.ACCEPTED, direction, leg=Leg.STOP, trigger_price=Price(price * Decimal("0.994")), serial="s"
    )
    yield order(
        symbol, close_ms, OrderEventKind.ACCEPTED, direction, leg=Leg.TARGET, trigger_price=Price(price * Decimal("1.0105")), serial="t"
    )


def trade(
    symbol: str, close_ms: int, net: str, exit_reason: ExitReason, direction: Direction = Direction.LONG, *, minutes: int = 35
) -> Outgoing:
    """A round trip that began at `close_ms`, risking 20 USDT."""
    key = idea(symbol, close_ms, direction)
    entry = Decimal(str(PRICES[symbol]))
    fees, result = Decimal("1.87"), Decimal(net)
    row = TradeClosed(
        symbol=symbol,
        position_id=key,
        direction=direction,
        setup=Setup.TREND_CROSS,
        interval="5m",
        quantity=Qty(Decimal("0.5")),
        entry_price=Price(entry),
        exit_price=Price(entry * (1 + result * direction.sign / 3000)),
        opened_ms=close_ms + 200,
        closed_ms=close_ms + minutes * 60_000,
        gross_usd=Usd(result + fees),
        fees_usd=Usd(fees),
        funding_usd=Usd(Decimal(0)),
        net_usd=Usd(result),
        initial_risk_usd=Usd(Decimal(20)),
        r=(result / 20).quantize(Decimal("0.0001")),
        exit_reason=exit_reason,
        mae_r=Decimal("-0.31"),
        mfe_r=Decimal("1.12"),
        stop_price=Price(entry * Decimal("0.994")),
        target_price=Price(entry * Decimal("1.0105")),
    )
    return Outgoing(row, ts_ms=row.closed_ms, decision_id=key, epoch=1)


def position(symbol: str, now_ms: int, direction: Direction = Direction.LONG, **more: Any) -> dict[str, Any]:
    """An executor's position document."""
    entry = Decimal(str(PRICES[symbol]))
    sign = direction.sign
    document = {
        "position_id": idea(symbol, MORNING_MS - 1, direction),
        "symbol": symbol,
        "phase": "open",
        "direction": direction.value,
        "quantity": str((Decimal(3300) / entry).quantize(Decimal("0.001"))),
        "entry_price": str(entry),
        "initial_risk_usd": "19.84",
        "opened_ms": now_ms - 22 * 60_000,
        "stop_price": str((entry * (1 - sign * Decimal("0.006"))).quantize(entry)),
        "target_price": str((entry * (1 + sign * Decimal("0.0105"))).quantize(entry)),
        "stop_state": "resting",
        "target_state": "resting",
        "bracket_checked_ms": now_ms - 1_500,
        "mark_price": str((entry * (1 + sign * Decimal("0.0037"))).quantize(entry)),
        "unrealised_usd": "12.21",
        "leverage": 5,
        "liquidation_price": str((entry * (1 - sign * Decimal("0.19"))).quantize(entry)),
        "fees_usd": "1.32",
        "realised_usd": "0",
        "setup": "trend_cross",
        "interval": "5m",
        "decision_id": idea(symbol, MORNING_MS - 1, direction),
        "owned": True,
        "updated_ms": now_ms,
    }
    return {**document, **more}


def account(now_ms: int, **more: Any) -> dict[str, Any]:
    """An executor's account document."""
    return {
        "wallet_usd": "10058.31",
        "unrealised_usd": "21.77",
        "equity_usd": "10080.08",
        "available_usd": "8071.4",
        "margin_usd": "1986.9",
        "updated_ms": now_ms,
        "opening_usd": "10000",
        "day_pnl_usd": "80.08",
        **more,
    }


def heartbeat(service: str, wall_ms: int, state: ServiceState = ServiceState.READY, **more: Any) -> Outgoing:
    """I am alive."""
    beat = Heartbeat(
        service=service,
        instance=f"{service}-a1",
        pid=4100 + len(service),
        uptime_s=614.2,
        version="1.2.3",
        state=state,
        memory_bytes=(60 + len(service)) * 2**20,
        wall_ms=wall_ms,
        **more,
    )
    return Outgoing(beat, ts_ms=wall_ms)


def log(service: str, level: str, event: str, wall_ms: int, **fields: str) -> Outgoing:
    """A log line."""
    return Outgoing(
        LogRecord(service=service, instance=f"{service}-a1", level=level, event=event, wall_ms=wall_ms, fields=fields), ts_ms=wall_ms
    )


def alert(code: str, ts_ms: int, severity: Severity = Severity.WARNING, **params: str) -> Outgoing:
    """Something a person should know."""
    return Outgoing(Alert(severity=severity, code=code, alert_id=f"{code}{ts_ms}", params=params), ts_ms=ts_ms)


def _moment(symbol: str, close_ms: int, number: int) -> Iterator[Outgoing]:
    """What happens to one symbol at one candle; most of the time nothing."""
    match number % 17:
        case 0 | 7:
            yield skip(symbol, close_ms, SkipReason.SPREAD, 0.0031, 0.002)
        case 2:
            yield skip(symbol, close_ms, SkipReason.WICKINESS, 0.98, 0.97, Direction.SHORT)
        case 3 | 9:
            yield skip(symbol, close_ms, SkipReason.QUOTE_VOLUME, 41_200, 75_000)
        case 5:
            yield candidate(symbol, close_ms)
            yield plan(symbol, close_ms, reason=PlanReason.EDGE_TOO_SMALL)
        case 11:
            yield candidate(symbol, close_ms)
            yield plan(symbol, close_ms)
            yield order(symbol, close_ms, OrderEventKind.REFUSED, reason="max_open", detail="4 positions are open, 4 allowed")


def morning(now_ms: int) -> Iterator[Outgoing]:
    """Two hours of candles with ideas that were skipped, declined, refused, traded and closed."""
    results = ("31.40", "-21.87", "33.05", "-20.95", "-21.10", "32.76", "11.02")
    symbols = list(PRICES)
    start = now_ms - now_ms % STEP_MS - 24 * STEP_MS - 1
    for step in range(25):
        close_ms = start + step * STEP_MS
        for number, symbol in enumerate(symbols):
            yield candle(symbol, close_ms)
            yield from _moment(symbol, close_ms, step * 5 + number * 3)
    for number, net in enumerate(results):
        close_ms = start + number * 3 * STEP_MS
        symbol = symbols[number % len(symbols)]
        direction = Direction.LONG if number % 3 else Direction.SHORT
        yield from filled(symbol, close_ms, direction)
        reason = ExitReason.STOP if net.startswith("-") else ExitReason.TARGET if number < 6 else ExitReason.FAST_TP
        yield trade(symbol, close_ms, net, reason, direction, minutes=12 + number * 2)
    yield alert("emergency_exit", now_ms - 700_000, Severity.CRITICAL, symbol="XRPUSDT", tries="3")


def postmortem(symbol: str, close_ms: int, direction: Direction = Direction.LONG) -> Outgoing:
    """The stop was too tight."""
    key = idea(symbol, close_ms, direction)
    found = Postmortem(
        symbol=symbol, position_id=key, features={"stop_too_tight": 0.8, "late_entry": 0.1, "good_process": 0.9}, source="rules"
    )
    return Outgoing(found, ts_ms=close_ms + 3_600_000, decision_id=key)


def _model(name: str, brier: float, points: list[tuple[str, float, float, float]]) -> ModelScore:
    """Points are name, outcomes, predicted, observed; their intervals are wider with fewer outcomes."""
    found = tuple(
        CalibrationPoint(
            name=label, outcomes=n, predicted=predicted, observed=observed, low=max(0.0, observed - 0.8 / n**0.5),
            high=min(1.0, observed + 0.8 / n**0.5),
        )
        for label, n, predicted, observed in points
    )  # fmt: skip
    return ModelScore(model=name, outcomes=sum(n for _, n, _, _ in points), ready=True, brier_score=brier, points=found)


def _filters() -> tuple[FilterResult, ...]:
    rows = (
        ("edge", 1180, 411, -0.212, -0.291, -0.131, Worth.SAVES),
        ("offered", 264, 113, -0.031, -0.148, 0.092, Worth.UNCLEAR),
        ("spread", 141, 51, -0.187, -0.364, -0.012, Worth.SAVES),
        ("cooldown", 66, 34, 0.214, 0.031, 0.402, Worth.COSTS),
        ("funding_long", 38, 15, -0.052, -0.361, 0.248, Worth.UNCLEAR),
        ("wickiness", 11, 3, -0.418, None, None, Worth.TOO_FEW),
    )
    return tuple(
        FilterResult(
            reason=reason, trades=trades, wins=wins, net_r=round(trades * mean, 1), mean_r=mean, low_r=low, high_r=high, worth=worth
        )
        for reason, trades, wins, mean, low, high, worth in rows
    )


def _tuner() -> tuple[TunerBucket, ...]:
    rows = (
        ("trend_cross-long-calm", 212, 0.41, -0.09, -0.21, 0.03, 0.84, 0.88, 0.83),
        ("trend_cross-short-wild", 97, 0.36, -0.24, -0.42, -0.06, 0.91, 0.81, 0.74),
        ("range_reversion-long-usual", 51, 0.49, 0.11, -0.13, 0.35, 0.95, 1.07, 0.92),
        ("breakout_retest-short-calm", 6, 0.33, -0.4, -1.1, 0.3, 0.97, 0.93, 0.95),
    )
    names = ("bucket", "trades", "hit_ratio", "mean_r", "low_r", "high_r", "stop_factor", "target_factor", "size_factor")
    return tuple(TunerBucket.model_validate(dict(zip(names, row, strict=True))) for row in rows)


def learning(now_ms: int, **more: Any) -> dict[str, Any]:
    """The advisor's report of 25 minutes ago."""
    prior = [("trend_cross-0", 310, 0.42, 0.38), ("trend_cross-1", 402, 0.45, 0.41), ("trend_cross-2", 288, 0.49, 0.44)]
    prior += [("trend_cross-3", 97, 0.53, 0.51), ("range_reversion-1", 120, 0.46, 0.49), ("breakout_retest-4", 24, 0.58, 0.46)]
    alpha = [("0.3-0.4", 402, 0.36, 0.35), ("0.4-0.5", 611, 0.45, 0.43), ("0.5-0.6", 210, 0.54, 0.49), ("0.6-0.7", 37, 0.64, 0.62)]
    playbook = PlaybookNow(
        regime=Regime.MOMENTUM, reason="72% of symbols are above their EMA55", version=14, size=1.0, stop=1.0, target=1.1, side_bias=0.165,
        focus={"trend_cross": 1.1, "breakout_retest": 1.1, "range_reversion": 0.7},
        inputs={"symbols": 80, "breadth": 0.72, "atr_ratio": 0.0041, "dispersion": 0.018, "correlation": 0.63, "funding": 0.0001, "risk": 0.12},
    )  # fmt: skip
    helped = HelpValue(
        symbol="BTCUSDT",
        cases=34,
        gain_usd=4.2,
        spent_usd=0.31,
        net_usd=0.114,
        low_usd=-0.05,
        high_usd=0.28,
        bias=1.19,
        paused_until_ms=None,
    )
    weights = dict(zip(Cause, (0.18, 0.02, 0.06, 0.04, 0.0, 0.0, 0.21, 0.34, 0.12, 0.27, 0.71), strict=True))
    found = LearningReport(
        edition=480_000,
        made_ms=now_ms - 1_500_000,
        until_ms=now_ms - 1_620_000,
        learned=41,
        lessons=1642,
        following=37,
        least_sample=30,
        funnel=LearningFunnel(signals=1773, offered=301, entered=63, closed=58, followed=1700, unknown=11),
        filters=_filters(),
        models=(_model("prior", 0.2441, prior), _model("alpha", 0.2387, alpha)),
        bandit=BanditState(outcomes=851.0, weights={"cost_r@1": -0.21, "adx@1": 0.07}),
        tuner=_tuner(),
        playbook=playbook,
        postmortem={cause.value: weight for cause, weight in weights.items()},
        help=(helped,),
    )
    return found.model_copy(update=more).model_dump(mode="json")
