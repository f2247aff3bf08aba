"""One hand-written payload of each topic, with every field filled, and its message for the golden files.

`python -m tests.fakes.samples` writes `tests/golden/messages/` anew; do that only when a message grew on purpose.
"""

from decimal import Decimal
from pathlib import Path

from shared.contracts.ai import AiReceipt, BudgetState, PlaybookState, Postmortem, Tuning
from shared.contracts.bracket import BracketEvent, BracketEventKind
from shared.contracts.control import Alert, Command, ConfigChanged, ControlCommand, Severity, StopMove, StopMoveKind
from shared.contracts.envelope import Outgoing, Payload, Producer, encode
from shared.contracts.learning import (
    BanditState,
    CalibrationPoint,
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
from shared.contracts.ops import DeadLetter, Heartbeat, LogRecord, ServiceState
from shared.contracts.order import (
    CapResult,
    ExitReason,
    Leg,
    OrderEvent,
    OrderEventKind,
    PositionEvent,
    PositionEventKind,
    SizingReport,
    TradeClosed,
)
from shared.contracts.plan import Bucket, Plan, PlanReason, PlanSource, Verdict
from shared.contracts.registry import MODELS
from shared.contracts.sentinel import RiskLabel, SentinelState
from shared.contracts.signal import Candidate, Setup, Skip, SkipReason, decision_id
from shared.domain.order import Direction, OrderType, Side
from shared.domain.units import Price, Qty, Ratio, Usd

GOLDEN = Path(__file__).parents[1] / "golden" / "messages"

SYMBOL = "SOLUSDT"
OPEN_MS = 1_764_590_100_000
CLOSE_MS = 1_764_590_399_999
DECISION = decision_id(SYMBOL, "5m", CLOSE_MS, Direction.LONG)
CLIENT_ID = f"mr-{DECISION}-e"
STOP_ID = f"mr-{DECISION}-s1"
FEATURES = {"rsi": 38.25, "adx": 27.5, "atr_pct": 0.006, "hour_sin": -0.5}


def _learning() -> LearningReport:
    return LearningReport(
        edition=490_164,
        made_ms=CLOSE_MS,
        until_ms=CLOSE_MS - 60_000,
        learned=41,
        lessons=2810,
        following=37,
        least_sample=30,
        funnel=LearningFunnel(signals=3100, offered=420, entered=61, closed=58, followed=2752, unknown=12),
        filters=(FilterResult(reason="edge", trades=900, wins=330, net_r=-510.5, mean_r=-0.567, low_r=-0.63, high_r=-0.5, worth=Worth.SAVES),),
        models=(
            ModelScore(
                model="prior",
                outcomes=2752.0,
                ready=True,
                brier_score=0.238,
                points=(CalibrationPoint(name="trend_cross-2", outcomes=400.0, predicted=0.44, observed=0.41, low=0.37, high=0.45),),
            ),
        ),
        bandit=BanditState(outcomes=1405.5, weights={"cost_r@1": -0.11}),
        tuner=(
            TunerBucket(
                bucket="trend_cross-long-calm", trades=120, hit_ratio=0.39, mean_r=-0.12, low_r=-0.29, high_r=0.05,
                stop_factor=0.93, target_factor=0.88, size_factor=0.79,
            ),
        ),
        playbook=PlaybookNow(
            regime=Regime.MOMENTUM, reason="72% of symbols are above their EMA55", version=12, size=1.0, stop=1.0, target=1.1,
            side_bias=0.17, focus={"trend_cross": 1.1}, inputs={"breadth": 0.72},
        ),
        postmortem={"late_entry": 0.21, "good_process": 0.74},
        help=(
            HelpValue(
                symbol=SYMBOL, cases=40, gain_usd=3.1, spent_usd=0.16, net_usd=0.07, low_usd=-0.02, high_usd=0.17, bias=1.2, paused_until_ms=None,
            ),
        ),
    )  # fmt: skip


def _market() -> list[Payload]:
    return [
        CandleClosed(
            symbol=SYMBOL,
            interval="5m",
            open_ms=OPEN_MS,
            close_ms=CLOSE_MS,
            open=132.4,
            high=133.05,
            low=132.31,
            close=132.9,
            volume=18_204.7,
            quote_volume=2_417_330.25,
            trades=3120,
            source="stream",
        )
    ]


def _signals() -> list[Payload]:
    return [
        Candidate(
            symbol=SYMBOL,
            interval="5m",
            close_ms=CLOSE_MS,
            direction=Direction.LONG,
            setup=Setup.TREND_CROSS,
            strength=0.62,
            price=132.9,
            atr=0.8,
            stop_distance=1.2,
            target_distance=1.8,
            p_prior=0.5,
            p=0.56,
            cost_r=0.09,
            edge_r=0.31,
            spread_ratio=0.00015,
            features=FEATURES,
            valid_until_ms=CLOSE_MS + 90_000,
        ),
        Skip(
            symbol=SYMBOL,
            interval="5m",
            close_ms=CLOSE_MS,
            direction=Direction.SHORT,
            setup=Setup.TREND_CROSS,
            strength=0.41,
            price=132.9,
            atr=0.8,
            stop_distance=1.2,
            target_distance=1.8,
            p_prior=0.5,
            p=0.5,
            cost_r=0.09,
            edge_r=0.16,
            spread_ratio=0.0031,
            features=FEATURES,
            reason=SkipReason.SPREAD,
            value=0.0031,
            limit=0.002,
            gap=0.55,
        ),
        Plan(
            symbol=SYMBOL,
            interval="5m",
            close_ms=CLOSE_MS,
            direction=Direction.LONG,
            setup=Setup.TREND_CROSS,
            verdict=Verdict.TAKE,
            reason=PlanReason.EDGE,
            source=PlanSource.POLICY,
            bucket=Bucket.M,
            raising={"bucket": Decimal("1.25")},
            reducing={"sentinel": Decimal("0.8")},
            stop_factors={"playbook": 1.1},
            target_factors={"playbook": 0.9},
            learned_r={"postmortem": -0.02},
            leverage=5,
            confidence=0.7,
            edge_r=0.31,
            price=132.9,
            stop_distance=1.2,
            target_distance=1.8,
            valid_until_ms=CLOSE_MS + 90_000,
            explanation="edge 0.31 R is above 0.05 R",
            policy={"take": 0.31, "size": 0.12},
            cost_usd=Usd(Decimal("0.0021")),
        ),
    ]


def _orders() -> list[Payload]:
    return [
        OrderEvent(
            event=OrderEventKind.FILLED,
            symbol=SYMBOL,
            intent_id=DECISION,
            leg=Leg.ENTRY,
            client_id=CLIENT_ID,
            side=Side.BUY,
            type=OrderType.MARKET,
            quantity=Qty(Decimal("8.3")),
            price=Price(Decimal("132.9")),
            trigger_price=Price(Decimal("131.7")),
            order_id=8_812_004_417,
            filled=Qty(Decimal("8.3")),
            average_price=Price(Decimal("132.92")),
            last_price=Price(Decimal("132.93")),
            last_quantity=Qty(Decimal("3.1")),
            fee_usd=Usd(Decimal("0.16482")),
            serial="55120",
            reason="fill",
            detail="last of two fills",
            venue_code=0,
            sizing=SizingReport(
                equity_usd=Usd(Decimal("1000.50")),
                risk_ratio=Ratio(Decimal("0.01")),
                multiplier=Decimal("1.00"),
                stop_distance=Decimal("1.2"),
                raw_qty=Decimal("8.3375"),
                quantity=Qty(Decimal("8.3")),
                risk_usd=Usd(Decimal("9.96")),
                notional_usd=Usd(Decimal("1103.07")),
                leverage=5,
                caps=(CapResult(name="margin", allowed_qty=Decimal("18.6"), limit=Decimal("495.25"), bound=False),),
            ),
        ),
        PositionEvent(
            event=PositionEventKind.CHANGED,
            symbol=SYMBOL,
            position_id=DECISION,
            revision=2,
            direction=Direction.LONG,
            quantity=Qty(Decimal("8.3")),
            entry_price=Price(Decimal("132.92")),
            stop_price=Price(Decimal("131.72")),
            target_price=Price(Decimal("134.72")),
            initial_risk_usd=Usd(Decimal("9.96")),
            opened_ms=CLOSE_MS + 310,
            realised_usd=Usd(Decimal("-0.25")),
            fees_usd=Usd(Decimal("0.44129")),
            owned=True,
        ),
        TradeClosed(
            symbol=SYMBOL,
            position_id=DECISION,
            direction=Direction.LONG,
            setup=Setup.TREND_CROSS,
            interval="5m",
            quantity=Qty(Decimal("8.3")),
            entry_price=Price(Decimal("132.92")),
            exit_price=Price(Decimal("134.72")),
            opened_ms=CLOSE_MS + 310,
            closed_ms=CLOSE_MS + 1_260_000,
            gross_usd=Usd(Decimal("14.94")),
            fees_usd=Usd(Decimal("0.88856")),
            funding_usd=Usd(Decimal("-0.011")),
            net_usd=Usd(Decimal("14.04044")),
            initial_risk_usd=Usd(Decimal("9.96")),
            r=Decimal("1.40968"),
            exit_reason=ExitReason.TARGET,
            mae_r=Decimal("-0.31"),
            mfe_r=Decimal("1.52"),
            stop_price=Price(Decimal("131.72")),
            target_price=Price(Decimal("134.72")),
            edge_r=0.31,
            unpriced_fees=("0.0012 BNB",),
        ),
        BracketEvent(
            event=BracketEventKind.REPLACED,
            symbol=SYMBOL,
            position_id=DECISION,
            leg=Leg.STOP,
            client_id=STOP_ID,
            trigger_price=Price(Decimal("132.95")),
            previous_price=Price(Decimal("131.72")),
            quantity=Qty(Decimal("8.3")),
            duration_ms=180,
            reason="stale_stop",
            serial="1",
            command_id="c-72",
        ),
    ]


def _ai() -> list[Payload]:
    return [
        SentinelState(
            symbol=SYMBOL,
            ts_ms=CLOSE_MS,
            label=RiskLabel.YELLOW,
            event_risk=0.52,
            hype=0.34,
            size_clamp=Decimal("0.74"),
            veto=False,
            reasons=("volatility",),
            inputs={"change_24h": 0.081, "volume_ratio": 2.4},
            expires_ms=CLOSE_MS + 600_000,
        ),
        AiReceipt(
            receipt_id="5f2c1a",
            symbol=SYMBOL,
            kind="plan",
            model="some-model",
            prompt_version="plan-3",
            prompt_hash="b1946ac9",
            input_tokens=1830,
            output_tokens=212,
            cost_usd=Usd(Decimal("0.0021")),
            latency_ms=1420,
            outcome="ok",
            answer={"verdict": "TAKE", "confidence": 0.7, "note": None, "urgent": False, "rank": 2},
        ),
        PlaybookState(
            version=12,
            regime="trend_up",
            size_factor=Decimal("1.1"),
            stop_factor=Decimal("1.0"),
            target_factor=Decimal("1.15"),
            side_bias=0.2,
            focus={"trend_cross": 0.8},
            note="breadth is rising",
            before="mean_reversion",
            inputs={"breadth": 0.72},
        ),
        Postmortem(
            symbol=SYMBOL,
            position_id=DECISION,
            features={"late_entry": 0.1, "good_exit": 0.9},
            source="rules",
            note="left at the target",
        ),
        Tuning(
            bucket="trend_cross-long",
            version=4,
            samples=31,
            mean_r=0.14,
            stop_factor=Decimal("1.05"),
            target_factor=Decimal("0.95"),
            size_factor=Decimal("1.0"),
            expires_ms=CLOSE_MS + 86_400_000,
            hit_ratio=0.45,
            low_r=-0.1,
            high_r=0.38,
            stop_before=Decimal("1.0"),
            target_before=Decimal("1.0"),
            size_before=Decimal("0.97"),
            distances=False,
        ),
        _learning(),
        BudgetState(
            day="2025-12-01",
            revision=7,
            limit_usd=Usd(Decimal("1.00")),
            reserved_usd=Usd(Decimal("0.02")),
            spent_usd=Usd(Decimal("0.4371")),
        ),
    ]


def _operations() -> list[Payload]:
    return [
        Alert(
            severity=Severity.CRITICAL,
            code="naked_position",
            alert_id=DECISION,
            params={"symbol": SYMBOL, "seconds": "4"},
            link=f"/decisions/{DECISION}",
        ),
        ControlCommand(
            command=Command.CLOSE_POSITION,
            command_id="c-71",
            author="admin",
            reason="before the news",
            symbol=SYMBOL,
            position_id=DECISION,
        ),
        StopMove(
            kind=StopMoveKind.PRICE,
            command_id="c-72",
            author="admin",
            symbol=SYMBOL,
            reason="before the news",
            position_id=DECISION,
            price=Price(Decimal("132.95")),
        ),
        ConfigChanged(revision=9, names=("ASTER_LEVERAGE", "ASTER_RISK_PER_TRADE")),
        LogRecord(
            service="executor",
            instance="a1b2",
            level="info",
            event="order_accepted",
            wall_ms=CLOSE_MS + 250,
            fields={"symbol": SYMBOL, "client_id": CLIENT_ID},
        ),
        Heartbeat(
            service="executor",
            instance="a1b2",
            pid=4711,
            uptime_s=86_400.5,
            version="0.1.0",
            state=ServiceState.READY,
            active=True,
            last_exit="0",
            lag=0,
            memory_bytes=73_400_320,
            wall_ms=CLOSE_MS + 1000,
            facts={"lease": "executor"},
        ),
        DeadLetter(
            service="executor",
            source_topic="signal.candidate",
            source_subject=f"signal.v1.candidate.{SYMBOL}",
            stream="SIGNAL",
            sequence=812,
            source_id=f"signal.candidate:{SYMBOL}:5m:{CLOSE_MS}:long",
            attempts=5,
            code="contract_violation",
            reason="data.price: Field required",
            body='{"type":"signal.candidate","data":{}}',
        ),
    ]


SAMPLES: dict[str, Payload] = {
    payload.topic.name: payload for payloads in (_market(), _signals(), _orders(), _ai(), _operations()) for payload in payloads
}

_SERVICES = {"md": "scanner", "signal": "scanner", "plan": "advisor", "ai": "advisor", "bracket": "bracket_guard", "sentinel": "sentinel"}


def sample(topic_name: str) -> Payload:
    """The sample of a topic."""
    return SAMPLES[topic_name]


def message(topic_name: str) -> bytes:
    """The sample as it goes over the wire, with a fixed envelope."""
    payload = sample(topic_name)
    dashboard = payload.topic.area in {"control", "config", "alert"}
    producer = Producer(_SERVICES.get(payload.topic.area, "dashboard" if dashboard else "executor"), "a1b2", "main")
    outgoing = Outgoing(payload, ts_ms=CLOSE_MS, decision_id=DECISION, cause_id=f"md.candle:{SYMBOL}:5m:{OPEN_MS}", epoch=3)
    return encode(outgoing, producer, CLOSE_MS + 21)


def write() -> None:
    """The golden files."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        (GOLDEN / f"{name}.json").write_bytes(message(name) + b"\n")


if __name__ == "__main__":
    write()
