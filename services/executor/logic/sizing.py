"""From settings, a plan and the venue's truth to the numbers that sizing wants."""

from collections.abc import Mapping
from decimal import Decimal

from shared.config.sections.risk import Risk
from shared.contracts.order import CapResult, SizingReport
from shared.contracts.plan import Plan
from shared.domain.instrument import Instrument, Rounding
from shared.domain.units import Price, Ratio, Usd, from_micro
from shared.risk.gate import Refused, RefusedReason
from shared.risk.sizing import MIN_LIQUIDATION_GAP, Sized, SizingInput, SizingLimits, liquidation_gap, safe_leverage

Reservations = Mapping[str, tuple[str, int, int]]
"""Reservation id → (symbol, margin micro-USD, risk micro-USD)."""


def limits_of(risk: Risk) -> SizingLimits:
    """The settings that bound a size."""
    return SizingLimits(
        risk_per_trade=Ratio(risk.per_trade),
        equity_fraction=Ratio(risk.equity_fraction),
        max_open_risk=Ratio(risk.max_open_risk),
        max_notional_usdt=Usd(risk.max_notional_usdt),
        multiplier_floor=risk.size_mult_floor,
        multiplier_cap=risk.size_mult_cap,
    )


def wanted_leverage(risk: Risk, plan: Plan, venue_max: int) -> int:
    """The setting (or the plan's own, if lower), never above what the venue allows."""
    setting = venue_max if risk.leverage == "max" else int(risk.leverage)
    return max(1, min(setting, venue_max, plan.leverage or setting))


def sizing_input(
    plan: Plan, instrument: Instrument, equity: Usd, reservations: Reservations, *, leverage: int, maintenance: Ratio
) -> SizingInput:
    """The situation of one entry at the plan's price; leverage is lowered until the liquidation price is clear of the stop."""
    price = instrument.price(plan.price, Rounding.NEAREST)
    distance = Decimal(repr(plan.stop_distance))
    return SizingInput(
        instrument=instrument,
        equity=equity,
        price=price,
        stop_distance=distance,
        leverage=safe_leverage(price, distance, leverage, maintenance),
        used_margin=from_micro(sum(margin for _, margin, _ in reservations.values())),
        open_risk=from_micro(sum(risk for _, _, risk in reservations.values())),
        maintenance_ratio=maintenance,
        raising=plan.raising,
        reducing=plan.reducing,
    )


def stop_refusal(given: SizingInput) -> Refused | None:
    """Refuse a stop that the tick cannot tell from the entry, or one that stands too close to the liquidation price."""
    if given.stop_distance < 2 * given.instrument.tick:
        return Refused(RefusedReason.STOP_DISTANCE, f"{given.stop_distance} is less than two ticks of {given.instrument.tick}")
    gap = liquidation_gap(given.price, given.stop_distance, given.leverage, given.maintenance_ratio)
    if gap < MIN_LIQUIDATION_GAP:
        return Refused(RefusedReason.LIQUIDATION_NEAR, f"liquidation {gap:.2f} stop distances behind the stop at leverage {given.leverage}")
    return None


def report(sized: Sized, given: SizingInput, risk_ratio: Ratio) -> SizingReport:
    """The sizing as it is told in events."""
    return SizingReport(
        equity_usd=given.equity,
        risk_ratio=risk_ratio,
        multiplier=sized.multiplier,
        stop_distance=given.stop_distance,
        raw_qty=sized.raw_quantity,
        quantity=sized.quantity,
        risk_usd=sized.risk,
        notional_usd=sized.notional,
        leverage=given.leverage,
        caps=tuple(CapResult(name=c.cap.value, allowed_qty=c.allowed, limit=c.limit, bound=c.bound) for c in sized.caps),
    )


def slipped(price: Price, plan: Plan) -> Decimal:
    """How far a price is from the plan's, in stop distances, in the direction that costs."""
    return (price - Decimal(repr(plan.price))) * plan.direction.sign / Decimal(repr(plan.stop_distance))
