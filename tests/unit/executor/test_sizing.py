from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.logic.sizing import Foreign, Situation, Size, entry_size
from shared.config.sections.risk import Risk
from shared.contracts.plan import Plan, PlanReason, PlanSource, Verdict
from shared.contracts.signal import Setup
from shared.domain.order import Direction
from shared.domain.units import Ratio, Usd
from shared.risk.gate import Refused, RefusedReason
from shared.risk.tiers import UNKNOWN, Tier, largest_notional, tier_of
from tests.unit.risk.test_sizing import INSTRUMENT

D = Decimal
TIERS = (
    Tier(50, D(0), D(10_000), Ratio(D("0.004"))),
    Tier(20, D(10_000), D(50_000), Ratio(D("0.01"))),
    Tier(5, D(50_000), D(500_000), Ratio(D("0.05"))),
)
AROUND = Situation(equity=Usd(D(10_000)), last_equity=None, reservations={}, foreign=Foreign(), open_positions=0)


def plan(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        "symbol": "SOLUSDT",
        "interval": "5m",
        "close_ms": 1,
        "direction": Direction.LONG,
        "setup": Setup.TREND_CROSS,
        "verdict": Verdict.TAKE,
        "reason": PlanReason.EDGE,
        "source": PlanSource.POLICY,
        "edge_r": 0.1,
        "price": 100.0,
        "stop_distance": 2.0,
        "target_distance": 3.0,
        "valid_until_ms": 2,
    }
    return Plan(**(values | changes))


def risk(**changes: Any) -> Risk:
    return Risk(**changes)


def sized(plan_: Plan | None = None, risk_: Risk | None = None, tiers: tuple[Tier, ...] = TIERS, around: Situation = AROUND) -> Size:
    got = entry_size(plan_ or plan(), INSTRUMENT, risk_ or risk(), tiers, around)
    assert isinstance(got, Size), got
    return got


def bound(size: Size) -> list[str]:
    return [cap.name for cap in size.report.caps if cap.bound]


def test_the_planned_share_of_equity_is_at_risk() -> None:
    got = sized()
    assert got.sized.risk == D(70)
    assert got.given.leverage == 10
    assert bound(got) == []
    names = [cap.name for cap in got.report.caps]
    assert names == ["margin", "leverage", "open_risk", "venue_max_qty", "liquidation_gap", "max_open_global", "max_open_per_symbol"]


def test_the_margin_table_lowers_the_leverage_of_a_large_notional() -> None:
    got = sized(risk_=risk(leverage="max"), around=replace(AROUND, equity=Usd(D(200_000))), plan_=plan(stop_distance=1.6))
    assert got.sized.notional > 50_000
    assert got.given.leverage == 5
    assert got.given.maintenance_ratio == D("0.05")


def test_no_more_than_the_table_allows_at_the_leverage() -> None:
    tiers = (Tier(10, D(0), D(1_000), Ratio(D("0.01"))),)
    got = sized(tiers=tiers)
    assert bound(got) == ["leverage"]
    assert got.sized.notional <= 1_000


def test_an_unknown_table_means_leverage_one() -> None:
    got = sized(tiers=UNKNOWN, plan_=plan(stop_distance=10.0))
    assert got.given.leverage == 1


def test_leverage_goes_down_until_the_liquidation_is_clear_of_the_stop() -> None:
    got = sized(risk_=risk(leverage="max"), plan_=plan(stop_distance=4.0))
    gap = next(cap.limit for cap in got.report.caps if cap.name == "liquidation_gap")
    assert gap is not None
    assert gap >= D("0.25")
    assert got.given.leverage < 20


def test_positions_of_others_use_up_margin() -> None:
    foreign = Foreign(margin=Usd(D(6_550)), risk=Usd(D(0)), count=1)
    got = sized(around=replace(AROUND, foreign=foreign))
    assert bound(got) == ["margin"]
    assert got.sized.margin <= 50


@pytest.mark.parametrize("equity", [None, Usd(D(0)), Usd(D(-5))])
def test_without_equity_nothing_is_entered(equity: Usd | None) -> None:
    got = entry_size(plan(), INSTRUMENT, risk(), TIERS, replace(AROUND, equity=equity))
    assert isinstance(got, Refused)
    assert got.reason is RefusedReason.EQUITY_UNKNOWN


def test_a_default_notional_stands_in_when_equity_cannot_be_read_and_the_caps_hold() -> None:
    around = replace(AROUND, equity=None, last_equity=Usd(D(10_000)))
    got = sized(risk_=risk(default_notional_usdt=D(300)), around=around)
    assert got.sized.notional == 300
    assert sized(risk_=risk(default_notional_usdt=D(300), max_notional_usdt=D(200)), around=around).sized.notional == 200
    nobody_knows = entry_size(plan(), INSTRUMENT, risk(default_notional_usdt=D(300)), TIERS, replace(AROUND, equity=None))
    assert isinstance(nobody_knows, Refused)


@pytest.mark.parametrize(("confidence", "factor"), [(None, 1), (0.0, 1), (1.0, 3), (0.5, D("1.5"))])
def test_confidence_makes_a_trade_larger_within_the_cap(confidence: float | None, factor: D) -> None:
    assert sized(plan(confidence=confidence)).sized.multiplier == factor
    assert sized(plan(confidence=confidence), risk(confidence_sizing=False)).sized.multiplier == 1


def test_a_stop_that_the_tick_cannot_show_is_refused() -> None:
    got = entry_size(plan(stop_distance=0.015), INSTRUMENT, risk(), TIERS, AROUND)
    assert isinstance(got, Refused)
    assert got.reason is RefusedReason.STOP_DISTANCE


@given(
    equity=st.integers(50, 10_000_000),
    stop=st.floats(0.05, 30, allow_nan=False),
    leverage=st.one_of(st.just("max"), st.integers(1, 125)),
    margin=st.integers(0, 10_000),
    held=st.integers(0, 500),
)
def test_no_cap_is_ever_passed(equity: int, stop: float, leverage: Any, margin: int, held: int) -> None:
    settings = risk(leverage=leverage)
    around = replace(
        AROUND,
        equity=Usd(D(equity)),
        reservations={"a": ("X", held * 1_000_000, held * 10_000)},
        foreign=Foreign(margin=Usd(D(margin)), risk=Usd(D(0)), count=1),
    )
    got = entry_size(plan(stop_distance=stop), INSTRUMENT, settings, TIERS, around)
    if isinstance(got, Refused):
        return
    one = got.sized
    assert one.risk <= D(equity) * settings.per_trade
    assert one.margin + held + margin <= D(equity) * settings.equity_fraction
    assert one.risk + D(held) / 100 <= D(equity) * settings.max_open_risk
    assert got.given.leverage <= tier_of(TIERS, one.notional).leverage
    assert one.notional <= largest_notional(TIERS, got.given.leverage)
