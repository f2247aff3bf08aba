"""How big an entry may be. Decimal only; every cap names itself when it binds.

quantity = equity * risk_per_trade * multiplier / stop distance, then the caps in order, then down to the step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import prod

from shared.domain.instrument import Instrument
from shared.domain.units import Price, Qty, Ratio, Usd

_ONE = Decimal(1)

MIN_LIQUIDATION_GAP = Decimal("0.25")
"""In stop distances: how far beyond the stop the liquidation price must be."""


class Cap(StrEnum):
    """Limits of the sizing, in the order in which they are applied.

    `leverage` is the notional that the venue's margin table allows at the wanted leverage.
    """

    MAX_NOTIONAL = "max_notional"
    MARGIN = "margin"
    LEVERAGE = "leverage"
    OPEN_RISK = "open_risk"
    VENUE_MAX_QTY = "venue_max_qty"


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingLimits:
    """Settings that bound a size; 0 means "no limit" for `max_notional_usdt`."""

    risk_per_trade: Ratio
    equity_fraction: Ratio
    max_open_risk: Ratio
    max_notional_usdt: Usd
    multiplier_floor: Decimal
    multiplier_cap: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingInput:
    """The situation. `used_margin` and `open_risk` are over all positions and reservations, in USD.

    `maintenance_ratio` is that of the symbol's leverage bracket (for the liquidation distance), `largest_notional` what that
    table allows at `leverage` (None: no limit). `fixed_notional` takes the place of the risk formula when it is not None.
    """

    instrument: Instrument
    equity: Usd
    price: Price
    stop_distance: Decimal
    leverage: int
    used_margin: Usd
    open_risk: Usd
    maintenance_ratio: Ratio
    raising: Mapping[str, Decimal]
    reducing: Mapping[str, Decimal]
    largest_notional: Usd | None = None
    fixed_notional: Usd | None = None


@dataclass(frozen=True, slots=True)
class CapApplied:
    """One cap: the quantity it allows, and whether it was the smallest that bound."""

    cap: Cap
    allowed: Decimal
    limit: Decimal
    bound: bool


@dataclass(frozen=True, slots=True)
class Sized:
    """A quantity within every cap; `risk` is the loss at the stop, before costs."""

    quantity: Qty
    notional: Usd
    margin: Usd
    risk: Usd
    multiplier: Decimal
    raw_quantity: Decimal
    caps: tuple[CapApplied, ...]


@dataclass(frozen=True, slots=True)
class TooSmall:
    """Nothing that may be traded is left: the quantity after the caps against the venue's least."""

    quantity: Qty
    least: Qty
    multiplier: Decimal
    caps: tuple[CapApplied, ...]


def multiplier(raising: Mapping[str, Decimal], reducing: Mapping[str, Decimal], limits: SizingLimits) -> Decimal:
    """Product of the raising factors clipped to [floor, cap], then the reducing ones: a floor never undoes a brake.

    Raises:
        ValueError: a factor is negative or not finite.
    """
    for name, factor in (*raising.items(), *reducing.items()):
        if not factor.is_finite() or factor < 0:
            raise ValueError(f"size factor {name}: expected a finite number of at least 0, got {factor}")
    raised = prod(raising.values(), start=_ONE)
    clipped = min(max(raised, limits.multiplier_floor), limits.multiplier_cap)
    return clipped * prod((min(f, _ONE) for f in reducing.values()), start=_ONE)


def size(given: SizingInput, limits: SizingLimits) -> Sized | TooSmall:
    """The largest quantity that risks no more than planned and passes every cap.

    Raises:
        ValueError: equity, price, stop distance or leverage is not a positive finite number, or a size factor is wrong.
    """
    if not all(value.is_finite() and value > 0 for value in (given.equity, given.price, given.stop_distance, Decimal(given.leverage))):
        raise ValueError("expected positive finite equity, price, stop distance and leverage")
    factor = multiplier(given.raising, given.reducing, limits)
    raw = wanted(given, limits)
    caps = _caps(given, limits, raw)
    allowed = min((raw, *(cap.allowed for cap in caps)))
    quantity = given.instrument.quantity(max(allowed, Decimal(0)), market=True)
    least = given.instrument.smallest_qty(given.price, market=True)
    if quantity < least or quantity == 0:
        return TooSmall(quantity, least, factor, caps)
    return Sized(
        quantity=quantity,
        notional=Usd(quantity * given.price),
        margin=Usd(quantity * given.price / given.leverage),
        risk=Usd(quantity * given.stop_distance),
        multiplier=factor,
        raw_quantity=raw,
        caps=caps,
    )


def wanted(given: SizingInput, limits: SizingLimits) -> Decimal:
    """The quantity before any cap: what loses the planned share at the stop, or the fixed notional."""
    if given.fixed_notional is not None:
        return given.fixed_notional * multiplier({}, given.reducing, _PLAIN) / given.price
    return given.equity * limits.risk_per_trade * multiplier(given.raising, given.reducing, limits) / given.stop_distance


def confidence_factor(confidence: float, *, low: Decimal, high: Decimal, exponent: Decimal, blend: Decimal) -> Decimal:
    """The size factor of a decision's confidence: low + (high - low) * confidence^exponent, blended with 1.

    Raises:
        ValueError: the confidence is not within 0 and 1.
    """
    exact = Decimal(repr(float(confidence)))
    if not 0 <= exact <= 1:
        raise ValueError(f"expected a confidence from 0 to 1, got {confidence}")
    target = low + (high - low) * (exact**exponent)
    return (_ONE - blend) + blend * target


def _caps(given: SizingInput, limits: SizingLimits, raw: Decimal) -> tuple[CapApplied, ...]:
    """Each cap with the quantity it allows, in order; the smallest below `raw` is marked."""
    price = given.price
    margin_left = limits.equity_fraction * given.equity - given.used_margin
    risk_left = limits.max_open_risk * given.equity - given.open_risk
    largest = Decimal(min(given.instrument.max_qty, given.instrument.market_max_qty))
    rows = [
        (Cap.MARGIN, margin_left * given.leverage / price, margin_left),
        (Cap.OPEN_RISK, risk_left / given.stop_distance, risk_left),
        (Cap.VENUE_MAX_QTY, largest, largest),
    ]
    if given.largest_notional is not None:
        rows.insert(1, (Cap.LEVERAGE, given.largest_notional / price, given.largest_notional))
    if limits.max_notional_usdt > 0:
        rows.insert(0, (Cap.MAX_NOTIONAL, limits.max_notional_usdt / price, limits.max_notional_usdt))
    least = min(allowed for _, allowed, _ in rows)
    first = next(cap for cap, allowed, _ in rows if allowed == least)
    return tuple(CapApplied(cap, allowed, limit, bound=cap is first and allowed < raw) for cap, allowed, limit in rows)


_PLAIN = SizingLimits(
    risk_per_trade=Ratio(_ONE),
    equity_fraction=Ratio(_ONE),
    max_open_risk=Ratio(_ONE),
    max_notional_usdt=Usd(Decimal(0)),
    multiplier_floor=_ONE,
    multiplier_cap=_ONE,
)
"""A fixed notional is not raised, but brakes hold."""


def liquidation_gap(price: Price, stop_distance: Decimal, leverage: int, maintenance_ratio: Ratio) -> Decimal:
    """Distance from the stop to the isolated liquidation price, in stop distances; below 0.25 the leverage is too high.

    An isolated position is liquidated after a move of about price * (1/leverage - maintenance ratio); cross margin
    stands further away, so this is the careful estimate. Source: EXCHANGE facts, liquidation formula with other terms 0.
    """
    liquidation_distance = price * (_ONE / leverage - maintenance_ratio)
    return (liquidation_distance - stop_distance) / stop_distance


def safe_leverage(price: Price, stop_distance: Decimal, wanted: int, maintenance_ratio: Ratio) -> int:
    """The highest leverage up to `wanted` that keeps the liquidation price 25 % of the stop distance beyond the stop.

    At least 1; the caller checks `liquidation_gap` for that last case.
    """
    for leverage in range(wanted, 1, -1):
        if liquidation_gap(price, stop_distance, leverage, maintenance_ratio) >= MIN_LIQUIDATION_GAP:
            return leverage
    return 1
