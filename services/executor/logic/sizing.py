"""From settings, a plan and the venue's truth to the numbers that sizing wants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from shared.config.sections.risk import Risk
from shared.contracts.order import CapResult, SizingReport
from shared.contracts.plan import Plan
from shared.domain.instrument import Instrument, Rounding
from shared.domain.units import Ratio, Usd, from_micro
from shared.risk.gate import Refused, RefusedReason
from shared.risk.sizing import (
    MIN_LIQUIDATION_GAP,
    Sized,
    SizingInput,
    SizingLimits,
    TooSmall,
    confidence_factor,
    liquidation_gap,
    safe_leverage,
    size,
    wanted,
)
from shared.risk.tiers import Tier, largest_notional, tier_of

_NO_MONEY = Usd(Decimal(0))
Reservations = Mapping[str, tuple[str, int, int]]
"""Reservation id → (symbol, margin micro-USD, risk micro-USD)."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """What positions without a reservation hold: opened by somebody else, or their reservation was lost."""

    margin: Usd = _NO_MONEY
    risk: Usd = _NO_MONEY
    count: int = 0


@dataclass(frozen=True, slots=True)
class Situation:
    """The account around an entry. `equity` None = it could not be read; `last_equity` is then the last one that could."""

    equity: Usd | None
    last_equity: Usd | None
    reservations: Reservations
    foreign: Foreign
    open_positions: int


@dataclass(frozen=True, slots=True)
class Size:
    """A size with where it came from."""

    sized: Sized
    given: SizingInput
    report: SizingReport


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


def entry_size(plan: Plan, instrument: Instrument, risk: Risk, tiers: Sequence[Tier], around: Situation) -> Size | Refused:
    """The largest entry that the plan, the caps and the venue's margin table allow, or the reason why there is none."""
    equity, fixed = around.equity, None
    if equity is None and risk.default_notional_usdt > 0:
        equity, fixed = around.last_equity, Usd(risk.default_notional_usdt)
    if equity is None or equity <= 0:
        return Refused(RefusedReason.EQUITY_UNKNOWN, "the account's equity could not be read" if equity is None else f"equity is {equity}")
    given = replace(_given(plan, instrument, risk, equity, around), fixed_notional=fixed)
    given = _levered(given, risk, plan, tiers)
    near = stop_refusal(given)
    if near is not None:
        return near
    sized = size(given, limits_of(risk))
    if isinstance(sized, TooSmall):
        bound = next((c.cap.value for c in sized.caps if c.bound), "risk")
        return Refused(RefusedReason.MIN_NOTIONAL, f"{sized.quantity} after {bound}, the least is {sized.least}")
    return Size(sized, given, report(sized, given, risk))


def factors(plan: Plan, risk: Risk) -> dict[str, Decimal]:
    """What raises the size: the plan's own factors, and its confidence."""
    if plan.confidence is None or not risk.confidence_sizing:
        return dict(plan.raising)
    factor = confidence_factor(
        plan.confidence,
        low=risk.confidence_size_min,
        high=risk.confidence_size_max,
        exponent=risk.confidence_size_exp,
        blend=risk.confidence_size_blend,
    )
    return {**plan.raising, "confidence": factor}


def _given(plan: Plan, instrument: Instrument, risk: Risk, equity: Usd, around: Situation) -> SizingInput:
    """The situation at the plan's price, before leverage is chosen."""
    held = around.reservations.values()
    return SizingInput(
        instrument=instrument,
        equity=equity,
        price=instrument.price(plan.price, Rounding.NEAREST),
        stop_distance=Decimal(repr(plan.stop_distance)),
        leverage=1,
        used_margin=Usd(from_micro(sum(margin for _, margin, _ in held)) + around.foreign.margin),
        open_risk=Usd(from_micro(sum(one for _, _, one in held)) + around.foreign.risk),
        maintenance_ratio=Ratio(Decimal(0)),
        raising=factors(plan, risk),
        reducing=plan.reducing,
    )


def _levered(given: SizingInput, risk: Risk, plan: Plan, tiers: Sequence[Tier]) -> SizingInput:
    """With the leverage: the setting or the plan's own, whichever is lower.

    It goes down to the table's step for the wanted notional, then until the liquidation price is clear of the stop.
    """
    limits = limits_of(risk)
    notional = wanted(given, limits) * given.price
    if limits.max_notional_usdt > 0:
        notional = min(notional, limits.max_notional_usdt)
    setting = tiers[0].leverage if risk.leverage == "max" else int(risk.leverage)
    most = max(1, min(setting, plan.leverage or setting, tier_of(tiers, notional).leverage))
    maintenance = tier_of(tiers, notional).maintenance_ratio
    leverage = safe_leverage(given.price, given.stop_distance, most, maintenance)
    largest = largest_notional(tiers, leverage)
    return replace(given, leverage=leverage, maintenance_ratio=maintenance, largest_notional=largest if largest.is_finite() else None)


def stop_refusal(given: SizingInput) -> Refused | None:
    """Refuse a stop that the tick cannot tell from the entry, or one that stands too close to the liquidation price."""
    if given.stop_distance < 2 * given.instrument.tick:
        return Refused(RefusedReason.STOP_DISTANCE, f"{given.stop_distance} is less than two ticks of {given.instrument.tick}")
    gap = liquidation_gap(given.price, given.stop_distance, given.leverage, given.maintenance_ratio)
    if gap < MIN_LIQUIDATION_GAP:
        return Refused(RefusedReason.LIQUIDATION_NEAR, f"liquidation {gap:.2f} stop distances behind the stop at leverage {given.leverage}")
    return None


def report(sized: Sized, given: SizingInput, risk: Risk) -> SizingReport:
    """The sizing as it is told in events: every limit in order, with the one that bound."""
    gap = liquidation_gap(given.price, given.stop_distance, given.leverage, given.maintenance_ratio)
    caps = [CapResult(name=c.cap.value, allowed_qty=c.allowed, limit=c.limit, bound=c.bound) for c in sized.caps]
    caps += [
        CapResult(name="liquidation_gap", allowed_qty=None, limit=gap, bound=False),
        CapResult(name="max_open_global", allowed_qty=None, limit=Decimal(risk.max_open_global), bound=False),
        CapResult(name="max_open_per_symbol", allowed_qty=None, limit=Decimal(risk.max_open_per_symbol), bound=False),
    ]
    return SizingReport(
        equity_usd=given.equity,
        risk_ratio=Ratio(risk.per_trade),
        multiplier=sized.multiplier,
        stop_distance=given.stop_distance,
        raw_qty=sized.raw_quantity,
        quantity=sized.quantity,
        risk_usd=sized.risk,
        notional_usd=sized.notional,
        leverage=given.leverage,
        caps=tuple(caps),
    )
